/// What `postfix tls` says, line by line: administrators paste the commands in it.
enum Texts {
    static let reload = [
        "Run the command:", "  # postfix reload", "if you want the new settings to take effect immediately.",
    ]
    static let deployed = ["New TLS private key and certificate deployed."]

    static let clientSuggestion = [
        "*** Non-default SMTP client TLS settings detected, no changes made.",
        "For opportunistic TLS in the Postfix SMTP client, the below settings", "are typical:",
        "  smtp_tls_security_level = may", "  smtp_tls_loglevel = 1",
        "  smtp_tls_session_cache_database = lmdb:${data_directory}/smtp_scache",
    ]

    static let serverSuggestion = [
        "*** Non-default SMTP server TLS settings detected, no changes made.",
        "For opportunistic TLS in the Postfix SMTP server, the below settings", "are typical:",
        "  smtpd_tls_security_level = may", "  smtpd_tls_loglevel = 1",
        "You can use \"postfix tls new-server-cert\" to create a new certificate.",
        "Or, \"postfix tls new-server-key\" to also force a new private key.",
        "If you publish DANE TLSA records, see:", "  https://tools.ietf.org/html/rfc7671#section-8",
        "  https://tools.ietf.org/html/rfc7671#section-5.1", "  https://tools.ietf.org/html/rfc7671#section-5.2",
        "  https://community.letsencrypt.org/t/please-avoid-3-0-1-and-3-0-2-dane-tlsa-records-with-le-certificates/7022",
    ]

    private static func request(key: String) -> [String] {
        ["To generate a CSR run:", "  # postfix tls output-server-csr -k \(key) [<hostname> ...]"]
    }

    static func afterEnabling(key: String, certificate: String) -> [String] {
        request(key: key) + [
            "Save the signed certificate chain in \(certificate).", "To generate TLSA records run:",
            "  # postfix tls output-server-tlsa [-h <hostname>] ",
            "(If you have DANE TLSA RRs, update them as soon as possible to match", "the newly deployed keys).",
        ]
    }

    static func made(key: String, certificate: String, isNewKey: Bool) -> [String] {
        [
            "New private key and self-signed certificate created. To deploy run:",
            "  # postfix tls deploy-server-cert \(certificate) \(key)",
        ] + request(key: key) + [
            "Save the signed certificate chain in \(certificate), and deploy as above.",
            "To generate TLSA records run:",
            "  # postfix tls output-server-tlsa [-h <hostname>] \(key)",
        ] + (isNewKey ? ["(deploy after updating the DNS and waiting for stale RRs to expire)."] : [])
    }
}
