import MailSyntax

/// Port numbers of the services that main.cf names. Fixed, because /etc/services is not visible in a chroot.
enum ServicePort {
    private static let names = [
        "smtp": 25, "mail": 25, "lmtp": 24, "submission": 587, "smtps": 465, "submissions": 465, "qmtp": 209,
    ]

    /// Nil when `text` is neither a port number nor a known name.
    static func number(_ text: String) -> Int? {
        if let number = ASCII.decimal(text.utf8), (1...65535).contains(number) { return number }
        return names[ASCII.lowercased(text)]
    }
}
