/// Neither list may end without a rule against relaying: Postfix's smtpd refuses to start without one, so does Apus.
public enum RelayGuard {
    private static let working = [
        "reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "defer_if_permit",
    ]

    /// - Parameter parameters: those of an smtpd service.
    public static func check(_ parameters: Parameters) throws(ConfigurationError) {
        if let problem = problem(parameters) { throw problem.error }
    }

    static func problem(_ parameters: Parameters) -> ConfigurationDiagnostic? {
        for name in ["smtpd_relay_restrictions", "smtpd_recipient_restrictions"] {
            var seen: Set<String> = []
            if holds(name, parameters, &seen) { return nil }
        }
        let place =
            parameters.place(of: "smtpd_relay_restrictions") ?? parameters.place(of: "smtpd_recipient_restrictions")
        return ConfigurationDiagnostic(
            .fatal, file: place?.file ?? "", line: place?.line ?? 0,
            "in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one working "
                + "instance of: reject_unauth_destination, defer_unauth_destination, reject, defer or defer_if_permit",
            cure: "otherwise strangers could relay mail")
    }

    private static func holds(_ name: String, _ parameters: Parameters, _ seen: inout Set<String>) -> Bool {
        // A class that was looked through already has no guard, or contains itself.
        guard seen.insert(name).inserted else { return false }
        let classes = parameters.list("smtpd_restriction_classes")
        var previous = ""
        for word in parameters.list(name) {
            defer { previous = RestrictionNames.folded(word) }
            if previous == "warn_if_reject" { continue }
            let folded = RestrictionNames.folded(word)
            if working.contains(folded) { return true }
            // What follows is never reached.
            if folded == "permit" { return false }
            if classes.contains(word), holds(word, parameters, &seen) { return true }
        }
        return false
    }
}
