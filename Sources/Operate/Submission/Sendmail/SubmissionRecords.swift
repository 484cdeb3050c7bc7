import MailSyntax
import MailSystem
import Spool

/// What sendmail hands to postdrop: the record stream of one message (queuefile.md §7).
struct SubmissionRecords {
    struct Envelope {
        var sender: String
        var fullName: String?
        var recipients: [String]
        var encoding: String?
        var notify: Int?
        var returnContent: Int?
        var envelopeID: String?
        var verp: String?
        var remoteRewriting = false
        /// 512 verify, 1024 report.
        var traceFlags = 0
        var sendOptions: SizeRecord.SendOptions = []
    }

    enum LineEndings { case always, strict, never }

    struct Limits {
        var line: Int
        var header: Int
        /// message_size_limit; 0: none.
        var message: Int
        var lineEndings: LineEndings
    }

    let envelope: Envelope
    let limits: Limits
    private let write: ([UInt8]) throws -> Void
    private var buffer: [UInt8] = []
    private var size = 0

    init(envelope: Envelope, limits: Limits, write: @escaping ([UInt8]) throws -> Void) {
        self.envelope = envelope
        self.limits = limits
        self.write = write
    }

    private mutating func append(_ type: RecordType, _ payload: some Collection<UInt8>) throws {
        RecordCodec.append(type, payload, to: &buffer)
        if buffer.count > 32 << 10 { try flush() }
    }

    private mutating func append(_ type: RecordType, _ text: String = "") throws { try append(type, text.utf8) }

    private mutating func flush() throws {
        try write(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    mutating func writeEnvelope() throws {
        if !envelope.sendOptions.isEmpty {
            let fields = [-1, -1, -1, -1, -1, envelope.sendOptions.rawValue].map(RecordCodec.column15)
            try append(.size, fields.joined(separator: " "))
        }
        if let id = envelope.envelopeID { try append(.attribute, "envelope_id=\(id)") }
        if let content = envelope.returnContent { try append(.attribute, "ret_flags=\(content)") }
        try append(.attribute, "rewrite_context=\(envelope.remoteRewriting ? "remote" : "local")")
        if let name = envelope.fullName { try append(.fullName, name) }
        try append(.sender, envelope.sender)
        if let encoding = envelope.encoding { try append(.attribute, "encoding=\(encoding)") }
        if envelope.traceFlags != 0 { try append(.attribute, "trace_flags=\(envelope.traceFlags)") }
        if let verp = envelope.verp { try append(.verp, verp) }
        for recipient in envelope.recipients { try writeRecipient(recipient) }
        try append(.message)
    }

    private mutating func writeRecipient(_ recipient: String) throws {
        if let notify = envelope.notify { try append(.attribute, "notify_flags=\(notify)") }
        try append(.recipient, recipient)
    }

    /// The message that `sendmail -bv` sends, of which nothing is delivered.
    mutating func writeProbe() throws {
        try append(.line, "From: \(EmailAddress.quoted(envelope.sender))")
        try append(.line, "Subject: probe")
        if !envelope.recipients.isEmpty {
            try append(.continued, "To:")
            for (index, recipient) in envelope.recipients.enumerated() {
                let comma = index + 1 < envelope.recipients.count ? "," : ""
                try append(.line, "\t\(EmailAddress.quoted(recipient))\(comma)")
            }
        }
        try finish(extracted: [])
    }

    /// Copies the message.
    /// - Parameters:
    ///   - dotEnds: a line with only a dot ends the input.
    ///   - extract: take recipients from the header.
    /// - Returns: false when no recipient was found.
    mutating func writeContent(_ source: inout ByteSource, dotEnds: Bool, extract: Bool) throws -> Bool {
        var headers = extract ? HeaderRecipients(limit: limits.header) : nil
        var inHeader = extract
        var atStart = true
        var lineIsContinued = false
        var stripsCR = limits.lineEndings == .always
        while let (piece, complete) = try source.piece(until: 0x0a, limit: limits.line) {
            var line = piece
            if complete, line.last == 0x0d {
                if atStart, limits.lineEndings == .strict { stripsCR = true }
                if stripsCR { line.removeLast() }
            }
            if !lineIsContinued {
                if dotEnds, complete, line == [UInt8(ascii: ".")] { break }
                if atStart, line.starts(with: "From ".utf8) || line.starts(with: ">From ".utf8) { continue }
                if inHeader, let step = headers?.take(line), step != .header {
                    inHeader = false
                    if step == .bodyWithoutSeparator, !atStart { try append(.line) }
                }
            }
            atStart = false
            size += line.count + (complete ? 1 : 0)
            if limits.message > 0, size > limits.message {
                throw CommandFailure("message file too big", status: ExitStatus.temporary)
            }
            try append(complete ? .line : .continued, line)
            lineIsContinued = !complete
        }
        let found = headers?.finish() ?? []
        if extract, found.isEmpty, envelope.recipients.isEmpty { return false }
        try finish(extracted: found)
        return true
    }

    private mutating func finish(extracted: [String]) throws {
        try append(.extracted)
        for recipient in extracted { try writeRecipient(recipient) }
        try append(.end)
        try flush()
    }
}
