import Configuration

/// Neither list may end without a rule against relaying: Postfix's smtpd refuses to start without one, so does Apus.
enum RelayGuard {
    static let working = [
        "reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "defer_if_permit",
    ]

    static func check(_ parameters: Parameters) throws(ConfigurationError) {
        for name in ["smtpd_relay_restrictions", "smtpd_recipient_restrictions"] {
            if holds(name, parameters, depth: 0) { return }
        }
        let place =
            parameters.place(of: "smtpd_relay_restrictions") ?? parameters.place(of: "smtpd_recipient_restrictions")
        throw ConfigurationDiagnostic(
            .fatal, file: place?.file ?? "", line: place?.line ?? 0,
            "in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one working "
                + "instance of: reject_unauth_destination, defer_unauth_destination, reject, defer or defer_if_permit"
        ).error
    }

    private static func holds(_ name: String, _ parameters: Parameters, depth: Int) -> Bool {
        guard depth < 20 else { return false }
        let classes = parameters.list("smtpd_restriction_classes")
        var previous = ""
        for word in parameters.list(name) {
            defer { previous = ASCIIName.folded(word) }
            if previous == "warn_if_reject" { continue }
            let folded = ASCIIName.folded(word)
            if working.contains(folded) { return true }
            // What follows is never reached.
            if folded == "permit" { return false }
            if classes.contains(word), holds(word, parameters, depth: depth + 1) { return true }
        }
        return false
    }
}
