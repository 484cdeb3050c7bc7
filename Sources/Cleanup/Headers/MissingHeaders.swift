import MailSyntax
import MailSystem

/// The headers that cleanup adds to mail of local clients (RFC 6409 §8). Pure.
struct MissingHeaders {
    var queueID: String
    var arrival: MailTime
    var sender: String
    var fullName: String?
    var seen: Set<String>
    var isResent: Bool
    let settings: CleanupSettings

    private var prefix: String { isResent ? "Resent-" : "" }

    private func has(_ key: String) -> Bool { seen.contains(isResent ? "resent-" + key : key) }

    /// The id that is generated when there is none.
    var messageID: String {
        settings.longIDs
            ? "<\(queueID)@\(settings.hostName)>"
            : "<\(UTCStamp.text(seconds: arrival.seconds)).\(queueID)@\(settings.hostName)>"
    }

    var needsMessageID: Bool { !has("message-id") }

    var lines: [String] {
        var lines: [String] = []
        if needsMessageID { lines.append("\(prefix)Message-Id: \(messageID)") }
        if !has("date") { lines.append("\(prefix)Date: \(LocalTime.rfc5322(arrival))") }
        if !has("from") { lines.append("\(prefix)From: \(from)") }
        if !settings.undisclosedRecipients.isEmpty, !has("to"), !has("cc") {
            lines.append(prefix + settings.undisclosedRecipients)
        }
        return lines
    }

    private var from: String {
        if sender.isEmpty { return "MAILER-DAEMON" }
        let address = EmailAddress.quoted(sender)
        guard let name = fullName, !ASCII.trimmed(name).isEmpty else { return address }
        if settings.fullNameInComment { return "\(address) (\(comment(name)))" }
        return "\(phrase(name)) <\(address)>"
    }

    /// Quoted unless it is made of plain words.
    private func phrase(_ name: String) -> String {
        let isPlain = AddressScanner.tokens(name.utf8).allSatisfy {
            if case .atom(let bytes) = $0 { return !bytes.contains(where: ASCII.isControl) }
            return false
        }
        if isPlain, !name.utf8.contains(0x5C) { return name }
        let escaped = name.utf8.flatMap { $0 == 0x22 || $0 == 0x5C ? [0x5C, $0] : [$0] }
        return "\"\(String(decoding: escaped, as: UTF8.self))\""
    }

    private func comment(_ name: String) -> String {
        let escaped = name.utf8.flatMap { $0 == 0x28 || $0 == 0x29 || $0 == 0x5C ? [0x5C, $0] : [$0] }
        return String(decoding: escaped, as: UTF8.self)
    }
}
