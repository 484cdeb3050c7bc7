/// Looks through the restriction lists of one smtpd service for what would keep it from starting.
enum RestrictionListCheck {
    private static let lists = [
        "smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions",
        "smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_data_restrictions",
        "smtpd_end_of_data_restrictions", "smtpd_etrn_restrictions",
    ]

    /// - Parameter parameters: those of the service.
    static func problems(_ parameters: Parameters) -> [ConfigurationDiagnostic] {
        let classes = parameters.list("smtpd_restriction_classes")
        var found: [ConfigurationDiagnostic] = []
        for list in lists + classes {
            let mapsAllowed = !list.hasSuffix("data_restrictions") && !classes.contains(list)
            found += problems(in: list, parameters, classes, mapsAllowed: mapsAllowed)
        }
        if let missing = RelayGuard.problem(parameters) { found.append(missing) }
        return found
    }

    private static func problems(
        in list: String, _ parameters: Parameters, _ classes: [String], mapsAllowed: Bool
    ) -> [ConfigurationDiagnostic] {
        let place = parameters.place(of: list)
        func problem(_ text: String, _ cure: String) -> ConfigurationDiagnostic {
            ConfigurationDiagnostic(
                .fatal, file: place?.file ?? "", line: place?.line ?? 0, "parameter \(list): \(text)", cure: cure)
        }
        var found: [ConfigurationDiagnostic] = []
        var words = parameters.list(list)[...]
        while let word = words.popFirst() {
            let name = RestrictionNames.folded(word)
            if word.utf8.contains(UInt8(ascii: ":")) {
                if !mapsAllowed {
                    found.append(problem("unexpected table \"\(word)\"", "name a check_…_access restriction"))
                }
                continue
            }
            guard let argument = RestrictionNames.arguments[name] else {
                if classes.contains(word) { continue }
                if let reason = RestrictionNames.unavailable[name] {
                    // Their arguments are of no interest any more.
                    return found + [problem("restriction \"\(name)\" \(reason)", "remove it from the list")]
                }
                found.append(
                    problem(
                        "unknown smtpd restriction: \"\(word)\"",
                        "correct the name, or define it in smtpd_restriction_classes"))
                continue
            }
            switch argument {
            case .none: continue
            case .table:
                guard let table = words.popFirst(), table.utf8.contains(UInt8(ascii: ":")) else {
                    found.append(problem("restriction \(name) requires maptype:mapname", "add it after the name"))
                    continue
                }
            case .domain, .seconds:
                if words.popFirst() == nil {
                    found.append(problem("restriction \(name) requires an argument", "add it after the name"))
                }
            }
        }
        return found
    }
}
