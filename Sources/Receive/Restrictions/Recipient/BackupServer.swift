import DNS
import Lookup
import MailSyntax
import Synchronization

/// permit_mx_backup: this server is in the list of the recipient domain's mail servers, and not the best of them
/// (postconf(5)). Deprecated: relay_domains says the same without asking strangers' DNS.
struct BackupServer: Restriction {
    private static let warning =
        "support for restriction \"permit_mx_backup\" will be removed from Postfix; instead, specify \"relay_domains\""
    private static let hasWarned = Mutex(false)

    func evaluate(_ check: Evaluation) async -> Outcome {
        let isFirst = Self.hasWarned.withLock { warned in
            defer { warned = true }
            return !warned
        }
        if isFirst { check.warn(Self.warning) }
        guard let address = check.facts.recipient, !address.isEmpty else { return .dunno }
        guard let resolved = await check.classify(address) else { return check.tableFailed(address) }
        // Mail that the sender routes could go anywhere behind the primary server.
        if resolved.isSourceRouted { return .dunno }
        guard let domain = EmailAddress.domain(resolved.address), !domain.isEmpty else { return .permit }
        if resolved.isAuthorizedDestination { return .permit }
        if domain.utf8.first == UInt8(ascii: "[") { return .dunno }

        let answer = await check.environment.resolver.query(domain, .mx)
        guard case .records(let records, _) = answer else {
            return answer.trouble == nil ? .dunno : unanswered(check, address, "mail exchanger")
        }
        let servers = records.compactMap { record -> (preference: UInt16, host: String)? in
            if case .mx(let preference, let host) = record.data { return (preference, host) }
            return nil
        }.sorted { $0.preference < $1.preference }
        guard let best = servers.first?.preference else { return .dunno }

        var isListed = false
        for server in servers {
            let found = await HostAddresses.find(server.host, check.environment.resolver)
            let isOwn = found.addresses.contains { check.environment.tables.interfaces.contains($0) }
            if isOwn, server.preference == best { return .dunno }
            isListed = isListed || isOwn
            if server.preference == best, !check.environment.tables.backupNetworks.isEmpty {
                guard !found.addresses.isEmpty else { return unanswered(check, address, "primary mail exchanger") }
                for primary in found.addresses {
                    guard
                        let matches = try? await check.environment.tables.backupNetworks.matches(address: "\(primary)")
                    else { return check.tableFailed(address) }
                    if !matches { return .dunno }
                }
            }
        }
        guard isListed else { return .dunno }
        return await check.permit("permit_mx_backup", Subject(name: address, label: Subject.recipientLabel))
    }

    private func unanswered(_ check: Evaluation, _ address: String, _ what: String) -> Outcome {
        let subject = Subject(name: address, label: Subject.recipientLabel)
        return check.deferUnlessRejected(
            450, "4.4.4", RestrictionReplies.rejected(subject, "Unable to look up \(what) information"))
    }
}
