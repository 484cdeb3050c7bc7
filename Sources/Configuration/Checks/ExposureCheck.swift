/// Who may relay, and whether passwords travel in the clear.
enum ExposureCheck {
    static func problems(
        _ service: MasterService, _ parameters: Parameters, file: String
    ) -> [ConfigurationDiagnostic] {
        var found: [ConfigurationDiagnostic] = []
        func warn(_ text: String, _ cure: String) {
            found.append(ConfigurationDiagnostic(.warning, file: file, line: service.line, text, cure: cure))
        }
        for network in parameters.list("mynetworks") where network.hasSuffix("/0") {
            found.append(
                parameters.warning(
                    "mynetworks", "\(network) is the whole Internet: permit_mynetworks relays for everybody",
                    cure: "name your own networks"))
        }
        let relay = parameters.list("smtpd_relay_restrictions") + parameters.list("smtpd_recipient_restrictions")
        let guardPlace = relay.firstIndex { word in
            ["reject_unauth_destination", "defer_unauth_destination", "reject", "defer"]
                .contains(RestrictionNames.folded(word))
        }
        if let open = relay.firstIndex(where: { RestrictionNames.folded($0) == "permit" }), open < guardPlace ?? Int.max
        {
            warn(
                "service \(service.name): permit stands before reject_unauth_destination: it relays for everybody",
                "put reject_unauth_destination before permit")
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
}
