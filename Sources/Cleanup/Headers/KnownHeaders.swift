/// What cleanup knows of header names (lower case).
enum KnownHeaders {
    /// The role of the addresses in a header, nil for headers whose addresses are left alone.
    static func role(_ key: String) -> AddressRole? {
        switch key {
        case "from", "reply-to", "sender", "errors-to", "return-receipt-to", "return-path", "resent-from",
            "resent-sender", "disposition-notification-to", "mail-followup-to":
            .headerSender
        case "to", "cc", "bcc", "apparently-to", "resent-to", "resent-cc", "resent-bcc", "resent-reply-to":
            .headerRecipient
        default: nil
        }
    }

    /// Headers that say that a message was sent again (RFC 5322 §3.6.6).
    static func isResent(_ key: String) -> Bool {
        switch key {
        case "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc", "resent-date",
            "resent-message-id", "resent-reply-to":
            true
        default: false
        }
    }

    /// The names that matter for what is missing.
    static let tracked: Set<String> = [
        "from", "to", "cc", "date", "message-id", "resent-from", "resent-to", "resent-cc", "resent-date",
        "resent-message-id",
    ]
}
