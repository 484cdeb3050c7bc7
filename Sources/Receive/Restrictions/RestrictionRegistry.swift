import Configuration

/// Every restriction by its names: adding one is a file beside this one and a line here.
enum RestrictionRegistry {
    /// Throws `ConfigurationError` only.
    typealias Factory = @Sendable (inout RestrictionArguments) throws -> any Restriction

    static let factories: [String: Factory] = generic.merging(client) { $1 }.merging(helo) { $1 }
        .merging(addresses) { $1 }.merging(blockLists) { $1 }.merging(servers) { $1 }

    private static let generic: [String: Factory] = [
        "permit": { _ in Permit() },
        "reject": { _ in Reject() },
        "defer": { _ in Defer() },
        "defer_if_permit": { _ in DeferIfPermit() },
        "defer_if_reject": { _ in DeferIfReject() },
        "sleep": sleep,
        "reject_plaintext_session": { _ in PlaintextSession() },
        "reject_unauth_pipelining": { _ in UnauthorizedPipelining() },
        "reject_multi_recipient_bounce": { _ in MultiRecipientBounce() },
    ]

    private static let client: [String: Factory] = [
        "permit_mynetworks": { _ in PermitMyNetworks() },
        "permit_inet_interfaces": { _ in PermitInetInterfaces() },
        "permit_sasl_authenticated": { _ in PermitAuthenticated() },
        "permit_tls_all_clientcerts": { _ in PermitCertificates(any: true) },
        "permit_tls_clientcerts": { _ in PermitCertificates(any: false) },
        "reject_unknown_client_hostname": { _ in UnknownClient(reverse: false) },
        "reject_unknown_client": { _ in UnknownClient(reverse: false) },
        "reject_unknown_reverse_client_hostname": { _ in UnknownClient(reverse: true) },
        "check_client_access": { next in
            ClientAccess(table: try next.table(), reverse: false)
        },
        "check_reverse_client_hostname_access": { next in
            ClientAccess(table: try next.table(), reverse: true)
        },
        "check_sasl_access": { next in LoginAccess(table: try next.table()) },
        "check_ccert_access": { next in CertificateAccess(table: try next.table()) },
    ]

    private static let helo: [String: Factory] = [
        "check_helo_access": { next in
            DomainAccess(table: try next.table(), source: .helo)
        },
        "check_etrn_access": { next in
            DomainAccess(table: try next.table(), source: .etrn)
        },
        "reject_invalid_helo_hostname": { _ in InvalidHelo() },
        "reject_invalid_hostname": { _ in InvalidHelo() },
        "reject_non_fqdn_helo_hostname": { _ in NonFQDNHelo() },
        "reject_non_fqdn_hostname": { _ in NonFQDNHelo() },
        "reject_unknown_helo_hostname": { _ in UnknownHelo() },
        "reject_unknown_hostname": { _ in UnknownHelo() },
    ]

    private static let addresses: [String: Factory] = [
        "check_sender_access": { next in
            AddressAccess(table: try next.table(), role: .sender)
        },
        "check_recipient_access": { next in
            AddressAccess(table: try next.table(), role: .recipient)
        },
        "reject_non_fqdn_sender": { _ in NonFQDNAddress(role: .sender) },
        "reject_non_fqdn_recipient": { _ in NonFQDNAddress(role: .recipient) },
        "reject_unknown_sender_domain": { _ in UnknownDomain(role: .sender) },
        "reject_unknown_address": { _ in UnknownDomain(role: .sender) },
        "reject_unknown_recipient_domain": { _ in UnknownDomain(role: .recipient) },
        "reject_unlisted_sender": { _ in UnlistedAddress(role: .sender) },
        "reject_unlisted_recipient": { _ in UnlistedAddress(role: .recipient) },
        "check_recipient_maps": { _ in UnlistedAddress(role: .recipient) },
        "permit_mx_backup": { _ in BackupServer() },
        "permit_auth_destination": { _ in AuthorizedDestination(verdict: .permit) },
        "reject_unauth_destination": { _ in AuthorizedDestination(verdict: .refuse) },
        "defer_unauth_destination": { _ in AuthorizedDestination(verdict: .postpone) },
        "reject_sender_login_mismatch": { _ in SenderLogin(sessions: [.authenticated, .unauthenticated]) },
        "reject_authenticated_sender_login_mismatch": { _ in SenderLogin(sessions: .authenticated) },
        "reject_unauthenticated_sender_login_mismatch": { _ in SenderLogin(sessions: .unauthenticated) },
        "reject_known_sender_login_mismatch": { _ in
            SenderLogin(sessions: [.authenticated, .unauthenticated], knownOnly: true)
        },
    ]

    private static let blockLists: [String: Factory] = [
        "reject_rbl_client": rejecting(.clientAddress),
        "reject_rbl": rejecting(.clientAddress),
        "reject_rhsbl_client": rejecting(.clientName),
        "reject_rhsbl_reverse_client": rejecting(.reverseClientName),
        "reject_rhsbl_helo": rejecting(.helo),
        "reject_rhsbl_sender": rejecting(.sender),
        "reject_rhsbl_recipient": rejecting(.recipient),
        "permit_dnswl_client": permitting(.clientAddress),
        "permit_rhswl_client": permitting(.clientName),
    ]

    /// check_…_a_access, check_…_mx_access, check_…_ns_access
    private static let servers: [String: Factory] = {
        let sources: [(String, HostServersAccess.Source)] = [
            ("client", .client), ("reverse_client_hostname", .reverseClient), ("helo", .helo),
            ("sender", .address(.sender)), ("recipient", .address(.recipient)),
        ]
        let kinds: [(String, HostServersAccess.Servers)] = [("a", .addresses), ("mx", .mail), ("ns", .names)]
        var factories: [String: Factory] = [:]
        for (sourceName, source) in sources {
            for (kindName, kind) in kinds {
                factories["check_\(sourceName)_\(kindName)_access"] = { next in
                    HostServersAccess(table: try next.table(), servers: kind, source: source)
                }
            }
        }
        return factories
    }()

    private static func rejecting(_ about: BlockListSubject) -> Factory {
        { next in RejectListed(site: try site(&next), about: about) }
    }

    private static func permitting(_ about: BlockListSubject) -> Factory {
        { next in PermitListed(site: try site(&next), about: about) }
    }

    private static func site(_ next: inout RestrictionArguments) throws(ConfigurationError) -> BlockListSite {
        let word = try next.required("domain name argument")
        guard let site = BlockListSite(word) else {
            throw next.compiler.problem(
                next.parameter, "restriction \(next.name): bad filter syntax in \"\(word)\"",
                "write domain or domain=d.d.d.d")
        }
        return site
    }

    private static let sleep: Factory = { next in
        let word = try next.required("a number of seconds")
        guard let seconds = Int(word), (0...3600).contains(seconds) else {
            throw next.compiler.problem(next.parameter, "bad sleep time: \(word)", "specify seconds")
        }
        return Sleep(seconds: seconds)
    }
}
