import MailSyntax

/// The texts of refusals that more than one restriction gives.
enum RestrictionReplies {
    static let configuration = ServerReply(451, "4.3.5", "Server configuration error")

    static func temporaryLookup(_ name: String) -> ServerReply {
        ServerReply(451, "4.3.0", "<\(name)>: Temporary lookup failure")
    }

    static func rejected(_ subject: Subject, _ reason: String) -> String {
        "<\(subject.name)>: \(subject.label) rejected: \(reason)"
    }

    /// A reply whose status class agrees with the code and whose text holds no control characters.
    static func reply(_ code: Int, _ status: String, _ text: String) -> ServerReply {
        var fixed = Array(status.utf8)
        let digit = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: (code / 100) % 10)
        if let first = fixed.first, first == 0x32 || first == 0x34 || first == 0x35 { fixed[0] = digit }
        return ServerReply(code, String(decoding: fixed, as: UTF8.self), printable(text))
    }

    static func printable(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return String(decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    }
}

/// An enhanced status code taken from a table may not fit what is refused: RFC 3463 has codes for senders, recipients and
/// other things.
enum StatusFix {
    /// The status that fits, nil when `status` does.
    static func replacement(for status: EnhancedStatus, label: String) -> EnhancedStatus? {
        guard status.subject == 1 else { return nil }
        let detail: Int
        switch label {
        case Subject.senderLabel:
            switch status.detail {
            case 1, 3, 4, 6: detail = 7
            case 2: detail = 8
            case 5: detail = 0
            default: return nil
            }
        case Subject.recipientLabel:
            switch status.detail {
            case 7: detail = 3
            case 8: detail = 2
            default: return nil
            }
        default:
            guard status.detail != 0 else { return nil }
            return EnhancedStatus(statusClass: status.statusClass, subject: 0, detail: 0)
        }
        return EnhancedStatus(statusClass: status.statusClass, subject: 1, detail: detail)
    }
}
