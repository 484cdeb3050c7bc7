import MailSyntax
import MailSystem

/// The lines that delivery puts before a message. Addresses are given in internal form.
struct MessagePrefix: Sendable {
    /// `From sender  Mon Nov 23 10:00:00 2026`
    var fromLine: String?
    var returnPath: String?
    var originalRecipient: String?
    var deliveredTo: String?

    func bytes(now: MailTime, eol: [UInt8] = [UInt8(ascii: "\n")]) -> [UInt8] {
        var output: [UInt8] = []
        func add(_ line: String) {
            // Local users may hand in addresses with line ends, which stay in the original recipient.
            output += line.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
            output += eol
        }
        if let fromLine {
            // mbox readers take the null sender for MAILER-DAEMON.
            let sender = fromLine.isEmpty ? "MAILER-DAEMON" : EmailAddress.quoted(fromLine)
            add("From \(sender)  \(LocalTime.asctime(now))")
        }
        if let returnPath { add("Return-Path: <\(EmailAddress.quoted(returnPath))>") }
        if let originalRecipient { add("X-Original-To: \(EmailAddress.quoted(originalRecipient))") }
        if let deliveredTo { add("Delivered-To: \(EmailAddress.quoted(deliveredTo))") }
        return output
    }
}
