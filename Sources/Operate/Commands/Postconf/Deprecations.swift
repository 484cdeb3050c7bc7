/// Parameters that Postfix is going to drop or has dropped, and what to use (DEPRECATION_README, postconf(5)).
enum Deprecations {
    static func text(_ name: String) -> String? {
        if isRemoved(name) { return "support for parameter \(name) has been removed; instead, do not specify" }
        guard let replacement = replacements[name] else { return nil }
        let advice = replacement.isEmpty ? "do not specify (leave at default)" : "specify \"\(replacement)\""
        return "support for parameter \"\(name)\" will be removed; instead, \(advice)"
    }

    /// Postfix knows no name that it has dropped but this, which is there to test the warning.
    static func isRemoved(_ name: String) -> Bool { name == "deleted-test-only" }

    private static let replacements: [String: String] = [
        "disable_dns_lookups": "smtp_dns_support_level",
        "lmtp_enforce_tls": "lmtp_tls_security_level",
        "lmtp_tls_enforce_peername": "lmtp_tls_security_level",
        "lmtp_tls_per_site": "lmtp_tls_policy_maps",
        "lmtp_use_tls": "lmtp_tls_security_level",
        "postscreen_enforce_tls": "postscreen_tls_security_level",
        "postscreen_use_tls": "postscreen_tls_security_level",
        "smtp_enforce_tls": "smtp_tls_security_level",
        "smtp_tls_enforce_peername": "smtp_tls_security_level",
        "smtp_tls_per_site": "smtp_tls_policy_maps",
        "smtp_use_tls": "smtp_tls_security_level",
        "smtpd_enforce_tls": "smtpd_tls_security_level",
        "smtpd_tls_dh1024_param_file": "",
        "smtpd_tls_eecdh_grade": "",
        "smtpd_use_tls": "smtpd_tls_security_level",
        "tlsproxy_client_enforce_tls": "tlsproxy_client_security_level",
        "tlsproxy_client_per_site": "tlsproxy_client_policy_maps",
        "tlsproxy_client_use_tls": "tlsproxy_client_security_level",
        "tlsproxy_enforce_tls": "tlsproxy_tls_security_level",
        "tlsproxy_use_tls": "tlsproxy_tls_security_level",
    ]
}
