/// Who may relay, and whether passwords travel in the clear.
enum ExposureCheck {
    static func problems(
        _ service: MasterService, _ parameters: Parameters, file: String
    ) -> [ConfigurationDiagnostic] {
        var found: [ConfigurationDiagnostic] = []
        func warn(_ text: String, _ cure: String) {
            found.append(ConfigurationDiagnostic(.warning, file: file, line: service.line, text, cure: cure))
        }
        for network in parameters.list("mynetworks") {
            guard let share = internetShare(network) else { continue }
            found.append(
                parameters.warning(
                    "mynetworks", "\(network) is \(share) Internet: permit_mynetworks relays for everybody",
                    cure: "name your own networks"))
        }
        let relay = parameters.list("smtpd_relay_restrictions") + parameters.list("smtpd_recipient_restrictions")
        let guardPlace = relay.firstIndex { word in
            ["reject_unauth_destination", "defer_unauth_destination", "reject", "defer"]
                .contains(RestrictionNames.folded(word))
        }
        let unguarded = relay.prefix(guardPlace ?? relay.count).map(RestrictionNames.folded)
        if let open = unguarded.first(where: { permitsAll($0) }) {
            warn(
                "service \(service.name): \(open) stands before reject_unauth_destination: it relays for everybody",
                "put reject_unauth_destination before \(open)")
        }
        guard parameters.bool("smtpd_sasl_auth_enable") else { return found }
        let level = parameters["smtpd_tls_security_level"]
        let encrypts =
            level == "encrypt" || parameters.bool("smtpd_enforce_tls") || parameters.bool("smtpd_tls_wrappermode")
            || parameters.bool("smtpd_tls_auth_only")
        if !encrypts {
            warn(
                "service \(service.name): passwords are taken without TLS",
                "set smtpd_tls_security_level=encrypt, or smtpd_tls_auth_only=yes")
        }
        return found
    }

    /// A table that answers every client, or every sender, with the same permission.
    private static func permitsAll(_ word: String) -> Bool {
        ["permit", "static:ok", "static:permit", "static:{ok}", "static:{permit}"].contains(word.lowercased())
    }

    /// How much of the Internet a network is, when that is more than any one site has: `the whole`, `a large part of the`.
    private static func internetShare(_ network: String) -> String? {
        let parts = network.split(separator: "/")
        guard parts.count == 2, !network.hasPrefix("!"), let bits = Int(parts[1]) else { return nil }
        if bits == 0 { return "the whole" }
        // fc00::/7 and 10.0.0.0/8 are the largest private networks (RFC 4193, RFC 1918).
        return bits < (parts[0].contains(":") ? 7 : 8) ? "a large part of the" : nil
    }
}
