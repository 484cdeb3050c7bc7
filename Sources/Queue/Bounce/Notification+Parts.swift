import Configuration
import InternalProtocol
import MailSyntax
import MailSystem
import Spool

extension Notification {
    /// The header of the whole message.
    var header: String {
        let subjectText = kind.isForPostmaster ? template.postmasterSubject ?? template.subject : template.subject
        var text = "From: \(template.from)\nSubject: \(subjectText)\nTo: \(Self.address(recipient))\n"
        let messageID = Self.line(subject.message.messageID)
        if settings.threaded, !messageID.isEmpty { text += "References: \(messageID)\nIn-Reply-To: \(messageID)\n" }
        text += "Auto-Submitted: \(kind.isForPostmaster ? "auto-generated" : "auto-replied")\n"
        text += "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n"
        text += "\tboundary=\"\(boundary)\"\n"
        if !encoding.isEmpty { text += "Content-Transfer-Encoding: \(encoding)\n" }
        return text + "\nThis is a MIME-encapsulated message.\n"
    }

    /// Addresses and replies come from outside: none may begin a line of its own.
    static func line(_ text: String) -> String { DeliveryLog.printable(text) }
    static func address(_ text: String) -> String { line(EmailAddress.quoted(text)) }

    func partHeader(_ description: String, _ type: String, encoded: Bool = true) -> String {
        var text = "\n--\(boundary)\nContent-Description: \(description)\nContent-Type: \(type)\n"
        if encoded, encoding == "8bit" { text += "Content-Transfer-Encoding: 8bit\n" }
        return text + "\n"
    }

    /// The part for people, up to the recipients.
    var introduction: String {
        let isASCII = ASCII.equalIgnoringCase(template.charset, "us-ascii")
        let charset = encoding == "8bit" && isASCII ? "utf-8" : template.charset
        var text = partHeader("Notification", "text/plain; charset=\(charset)")
        if !kind.isForPostmaster {
            for line in settings.texts[kind.template] ?? [] { text += line + "\n" }
        }
        return text
    }

    /// One recipient, for people.
    func explanation(_ entry: RecipientLogEntry) -> String {
        var text = "<\(EmailAddress.quoted(entry.recipient))>"
        if hasOriginal(entry) { text += " (expanded from <\(EmailAddress.quoted(entry.originalRecipient))>)" }
        return TextWrapping.wrap("\(text): \(entry.reason)")
    }

    private func hasOriginal(_ entry: RecipientLogEntry) -> Bool {
        !entry.originalRecipient.isEmpty && !ASCII.equalIgnoringCase(entry.originalRecipient, entry.recipient)
    }

    /// The part for programs, up to the recipients.
    var reportHeader: String {
        let type = isGlobal ? "message/global-delivery-status" : "message/delivery-status"
        var text = partHeader("Delivery report", type, encoded: isGlobal)
        text += "Reporting-MTA: dns; \(settings.hostName)\n"
        let message = subject.message
        if !message.dsnEnvelopeID.isEmpty { text += "Original-Envelope-Id: \(Self.line(message.dsnEnvelopeID))\n" }
        text += "X-\(settings.mailName)-Queue-ID: \(subject.queueID)\n"
        text +=
            "X-\(settings.mailName)-Sender: \(addressType(originalSender)); \(Self.address(originalSender))\n"
        if message.arrival.seconds > 0 { text += "Arrival-Date: \(LocalTime.rfc5322(message.arrival))\n" }
        return text
    }

    /// RFC 6533 §3: the type of an address that is not ASCII.
    private func addressType(_ address: String) -> String {
        isGlobal && !ASCII.isASCII(address) ? "utf-8" : "rfc822"
    }

    /// One recipient, for programs.
    func report(_ entry: RecipientLogEntry) -> String {
        let address = Self.address(entry.recipient)
        var text = "Final-Recipient: \(addressType(entry.recipient)); \(address)\n"
        if !entry.dsnOriginalRecipient.isEmpty {
            text += "Original-Recipient: \(originalRecipient(Self.line(entry.dsnOriginalRecipient)))\n"
        } else if hasOriginal(entry) {
            let original = entry.originalRecipient
            text += "Original-Recipient: \(addressType(original)); \(Self.address(original))\n"
        }
        // The defer log of a message that is given up says "delayed".
        let action = kind.template == .failure ? "failed" : entry.action
        text += "Action: \(Self.line(action))\nStatus: \(Self.line(entry.status))\n"
        if !entry.mtaType.isEmpty, !entry.mtaName.isEmpty {
            text += "Remote-MTA: \(Self.line("\(entry.mtaType); \(entry.mtaName)"))\n"
        }
        if !entry.diagnosticType.isEmpty, !entry.diagnosticText.isEmpty {
            text += TextWrapping.wrap("Diagnostic-Code: \(entry.diagnosticType); \(entry.diagnosticText)")
        } else {
            text += TextWrapping.wrap("Diagnostic-Code: X-\(settings.mailName); \(entry.reason)")
        }
        if kind.isDelay {
            let until = subject.message.arrival.adding(seconds: settings.queueLifetime)
            text += "Will-Retry-Until: \(LocalTime.rfc5322(until))\n"
        }
        return text
    }

    private func originalRecipient(_ text: String) -> String {
        guard isGlobal, !ASCII.isASCII(text), ASCII.hasPrefixIgnoringCase(text, "rfc822;") else { return text }
        return "utf-8;" + text.dropFirst("rfc822;".count)
    }
}

/// Finds the empty line after a header in text that comes in pieces.
struct HeaderEnd {
    private var atLineStart = true

    /// - Returns: the index of the line feed that is the empty line.
    mutating func end(in bytes: [UInt8]) -> Int? {
        for (index, byte) in bytes.enumerated() {
            if byte == 0x0a {
                if atLineStart { return index }
                atLineStart = true
            } else {
                atLineStart = false
            }
        }
        return nil
    }
}

/// Breaks long lines at blanks.
enum TextWrapping {
    static let width = 79
    static let indent = "    "

    /// Lines of at most 79 bytes where words allow, the second and later ones indented by four; each ended by LF.
    static func wrap(_ text: String) -> String {
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        var isEmpty = true
        for word in text.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a || $0 == 0x0d }) {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = Array(indent.utf8)
                isEmpty = true
            }
            if !isEmpty { line.append(0x20) }
            line += word
            isEmpty = false
        }
        lines.append(line)
        return lines.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined()
    }
}
