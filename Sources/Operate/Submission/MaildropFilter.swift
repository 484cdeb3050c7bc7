import MailSyntax
import Spool

/// Decides which records of a submission go into the maildrop file (queuefile.md §7). Pure: the submitter is not
/// trusted, so everything that is not known is refused or dropped.
struct MaildropFilter {
    enum Verdict: Equatable {
        case keep
        case drop
        /// Dropped with this warning.
        case warn(String)
        /// The submission ends with this reason.
        case refuse(String)
        /// The last record: keep it and stop.
        case end
    }

    private enum Segment { case envelope, content, extracted }

    private var segment = Segment.envelope
    /// A `From` record was seen; recipients make no sense before it.
    private(set) var sender: String?

    mutating func take(_ type: RecordType, _ payload: [UInt8]) -> Verdict {
        switch segment {
        case .envelope: envelope(type, payload)
        case .content: content(type)
        case .extracted: extracted(type, payload)
        }
    }

    private mutating func envelope(_ type: RecordType, _ payload: [UInt8]) -> Verdict {
        guard Self.allowed("MTCFSRVAin", type) else { return unexpected(type) }
        if type == .message {
            guard sender != nil else { return .refuse("missing sender address") }
            segment = .content
            return .keep
        }
        if payload.contains(where: { $0 == 0 || $0 == 0x0a || $0 == 0x0d }) {
            return .warn("record type \(type.rawValue): NUL, CR or LF in an envelope record -- record discarded")
        }
        switch type {
        // The time is ours.
        case .time: return .drop
        case .attribute: return attribute(payload)
        case .sender:
            guard sender == nil else { return .refuse("more than one sender address") }
            sender = String(decoding: payload, as: UTF8.self)
            return .keep
        default: return .keep
        }
    }

    private mutating func content(_ type: RecordType) -> Verdict {
        if type == .extracted {
            segment = .extracted
        } else if type != .line, type != .continued {
            return unexpected(type)
        }
        return .keep
    }

    private func extracted(_ type: RecordType, _ payload: [UInt8]) -> Verdict {
        guard Self.allowed("EAR", type) else { return unexpected(type) }
        if type == .end { return .end }
        if payload.contains(where: { $0 == 0 || $0 == 0x0a || $0 == 0x0d }) {
            return .warn("record type \(type.rawValue): NUL, CR or LF in an envelope record -- record discarded")
        }
        return type == .attribute ? attribute(payload) : .keep
    }

    private func attribute(_ payload: [UInt8]) -> Verdict {
        let text = String(decoding: payload, as: UTF8.self)
        guard let equals = payload.firstIndex(of: UInt8(ascii: "=")) else {
            return .warn("malformed attribute record -- ignored: \(text)")
        }
        let name = String(decoding: payload[..<equals], as: UTF8.self)
        let value = String(decoding: payload[(equals + 1)...], as: UTF8.self)
        let known: Bool
        switch name {
        case "encoding": known = ["7bit", "8bit", ""].contains(value)
        case "rewrite_context": known = ["local", "remote"].contains(value)
        case "trace_flags": known = ["512", "1024"].contains(value)
        case "dsn_orig_rcpt", "notify_flags", "envelope_id", "ret_flags": known = true
        default: known = false
        }
        return known ? .keep : .warn("ignoring attribute record: \(text)")
    }

    private func unexpected(_ type: RecordType) -> Verdict { .refuse("unexpected record type: \(type.rawValue)") }

    private static func allowed(_ letters: String, _ type: RecordType) -> Bool { letters.utf8.contains(type.rawValue) }
}
