/// The names that may stand in smtpd restriction lists: SMTPD_ACCESS_README. What they do is Receive's business; their
/// names are known here so that `postfix check`, start and reload refuse a list before a process runs into it.
public enum RestrictionNames {
    public enum Argument: Sendable, Equatable {
        case none
        /// `type:table`
        case table
        /// `domain` or `domain=filter`
        case domain
        case seconds
    }

    /// What each name takes.
    public static let arguments: [String: Argument] = {
        var arguments: [String: Argument] = ["sleep": .seconds]
        for name in plain { arguments[name] = Argument.none }
        for name in tables { arguments[name] = .table }
        for name in domains { arguments[name] = .domain }
        for subject in ["client", "reverse_client_hostname", "helo", "sender", "recipient"] {
            for kind in ["a", "mx", "ns"] { arguments["check_\(subject)_\(kind)_access"] = .table }
        }
        return arguments
    }()

    private static let plain = [
        "permit", "reject", "defer", "defer_if_permit", "defer_if_reject", "warn_if_reject",
        "reject_plaintext_session", "reject_unauth_pipelining", "reject_multi_recipient_bounce", "permit_mynetworks",
        "permit_inet_interfaces", "permit_sasl_authenticated", "permit_tls_all_clientcerts",
        "permit_tls_clientcerts", "reject_unknown_client_hostname", "reject_unknown_client",
        "reject_unknown_reverse_client_hostname", "reject_invalid_helo_hostname", "reject_invalid_hostname",
        "reject_non_fqdn_helo_hostname", "reject_non_fqdn_hostname", "reject_unknown_helo_hostname",
        "reject_unknown_hostname", "reject_non_fqdn_sender", "reject_non_fqdn_recipient",
        "reject_unknown_sender_domain", "reject_unknown_address", "reject_unknown_recipient_domain",
        "reject_unlisted_sender", "reject_unlisted_recipient", "check_recipient_maps", "permit_auth_destination",
        "reject_unauth_destination", "defer_unauth_destination", "reject_sender_login_mismatch",
        "reject_authenticated_sender_login_mismatch", "reject_unauthenticated_sender_login_mismatch",
        "reject_known_sender_login_mismatch", "permit_mx_backup",
    ]

    private static let tables = [
        "check_client_access", "check_reverse_client_hostname_access", "check_sasl_access", "check_ccert_access",
        "check_helo_access", "check_etrn_access", "check_sender_access", "check_recipient_access",
    ]

    private static let domains = [
        "reject_rbl_client", "reject_rbl", "reject_rhsbl_client", "reject_rhsbl_reverse_client", "reject_rhsbl_helo",
        "reject_rhsbl_sender", "reject_rhsbl_recipient", "permit_dnswl_client", "permit_rhswl_client",
    ]

    /// Names that Postfix knows and that cannot work here, each with the reason; a service that uses one does not start.
    public static let unavailable: [String: String] = [
        "check_policy_service": "needs policy delegation, which Apus does not have yet",
        "reject_unverified_sender": "needs the address verification service, which Apus does not have yet",
        "reject_unverified_recipient": "needs the address verification service, which Apus does not have yet",
        "reject_unverified_address": "needs the address verification service, which Apus does not have yet",
        "permit_naked_ip_address":
            "has been removed in Postfix 3.9; instead, specify \"permit_mynetworks\" or \"permit_sasl_authenticated\"",
        "check_relay_domains": "has been removed in Postfix 3.9; instead, specify \"reject_unauth_destination\"",
        "reject_maps_rbl": "has been removed in Postfix 3.9; instead, specify \"reject_rbl_client domain-name\"",
    ]

    /// Names fold A to Z.
    public static func folded(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) else { return text }
        return String(decoding: text.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
