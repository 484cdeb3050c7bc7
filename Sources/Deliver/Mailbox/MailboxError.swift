import MailSystem

/// A step of a mailbox delivery that failed.
struct MailboxError: Error, Equatable {
    let text: String
    let code: CInt

    /// The system's text for `code` follows `what`.
    init(_ what: String, _ code: CInt) {
        text = "\(what): \(SystemError("", errno: code).reason)"
        self.code = code
    }

    init(plain text: String) {
        self.text = text
        code = 0
    }
}
