import MailSyntax

/// The text form of log entries. Pure.
enum BounceLogCodec {
    static func append(_ entry: RecipientLogEntry, backwardsCompatible: Bool, to bytes: inout [UInt8]) {
        func line(_ text: String) {
            // A line break inside a value would forge further lines.
            bytes += text.utf8.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 }
            bytes.append(0x0a)
        }
        let recipient = entry.recipient.isEmpty ? "<>" : EmailAddress.quoted(entry.recipient)
        line("")
        if backwardsCompatible {
            line("<\(entry.recipient.isEmpty ? "" : recipient)>: \(entry.reason)")
        }
        line("recipient=\(recipient)")
        if !entry.originalRecipient.isEmpty,
            !ASCII.equalIgnoringCase(entry.originalRecipient, entry.recipient)
        {
            line("original_recipient=\(EmailAddress.quoted(entry.originalRecipient))")
        }
        if entry.offset > 0 { line("offset=\(entry.offset)") }
        if !entry.dsnOriginalRecipient.isEmpty { line("dsn_orig_rcpt=\(entry.dsnOriginalRecipient)") }
        if entry.dsnNotify != 0 { line("notify_flags=\(entry.dsnNotify)") }
        line("status=\(entry.status)")
        line("action=\(entry.action)")
        if !entry.diagnosticType.isEmpty, !entry.diagnosticText.isEmpty {
            line("diag_type=\(entry.diagnosticType)")
            line("diag_text=\(entry.diagnosticText)")
        }
        if !entry.mtaType.isEmpty, !entry.mtaName.isEmpty {
            line("mta_type=\(entry.mtaType)")
            line("mta_mname=\(entry.mtaName)")
        }
        line("reason=\(entry.reason)")
        line("")
    }
}

/// Collects lines into entries. Total: an unknown line is skipped.
struct BounceLogParser {
    private let isDeferLog: Bool
    private var entry: RecipientLogEntry
    private var started = false
    private(set) var unknownNames: [String] = []

    init(isDeferLog: Bool) {
        self.isDeferLog = isDeferLog
        entry = Self.empty(isDeferLog)
    }

    private static func empty(_ isDeferLog: Bool) -> RecipientLogEntry {
        RecipientLogEntry(
            recipient: "(recipient address unavailable)", status: isDeferLog ? "4.0.0" : "5.0.0",
            action: isDeferLog ? "delayed" : "failed", reason: "(description unavailable)")
    }

    /// - Returns: an entry that the line ends.
    mutating func take(_ line: String) -> RecipientLogEntry? {
        guard let first = line.utf8.first else { return finish() }
        if first == UInt8(ascii: "<") {
            takeOldForm(line)
        } else if let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) {
            takeValue(
                ASCII.trimmed(String(line[..<equals])), ASCII.trimmed(String(line[line.utf8.index(after: equals)...])))
        }
        return nil
    }

    /// `<address>: text`.
    private mutating func takeOldForm(_ line: String) {
        let bytes = Array(line.utf8)
        guard
            let close = bytes.indices.first(where: {
                bytes[$0] == UInt8(ascii: ">") && $0 + 1 < bytes.count && bytes[$0 + 1] == UInt8(ascii: ":")
            })
        else { return }
        started = true
        let address = String(decoding: bytes[1..<close], as: UTF8.self)
        entry.recipient = EmailAddress.unquote(address)
        let text = bytes[(close + 2)...].drop { $0 == UInt8(ascii: " ") }
        entry.reason = String(decoding: text, as: UTF8.self)
    }

    private mutating func takeValue(_ name: String, _ value: String) {
        started = true
        switch name {
        case "recipient": entry.recipient = value == "<>" ? "" : EmailAddress.unquote(value)
        case "original_recipient": entry.originalRecipient = value == "<>" ? "" : EmailAddress.unquote(value)
        case "offset": entry.offset = Int(value) ?? 0
        case "dsn_orig_rcpt": entry.dsnOriginalRecipient = value
        case "notify_flags": entry.dsnNotify = (Int(value) ?? 0) & 15
        case "status": entry.status = value
        case "action": entry.action = value
        case "diag_type": entry.diagnosticType = value
        case "diag_text": entry.diagnosticText = value
        case "mta_type": entry.mtaType = value
        case "mta_mname": entry.mtaName = value
        case "reason": entry.reason = value
        default: if unknownNames.count < 10 { unknownNames.append(name) }
        }
    }

    /// The entry that was being collected, if any.
    mutating func finish() -> RecipientLogEntry? {
        defer {
            entry = Self.empty(isDeferLog)
            started = false
        }
        return started ? entry : nil
    }
}
