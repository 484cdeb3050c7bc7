import MailSystem
import Spool

/// The envelope of a file in `maildrop/`: what sendmail and postdrop wrote, or a whole queue file that `postsuper -r`
/// put there.
struct MaildropEnvelope: Sendable, Equatable {
    var arrival: MailTime?
    var sender: String?
    var fullName: String?
    var encoding = ""
    var envelopeID = ""
    var dsnReturn = 0
    var verp = ""
    var traceFlags = 0
    /// `local` or `remote`.
    var rewriteContext = "local"
    var sendOptions = SizeRecord.SendOptions()
    /// Every other attribute; only requeued files have them.
    var attributes: [String: String] = [:]
}

/// Reads a maildrop file in pieces: envelope, recipients of both segments, content. What it reads was written by
/// untrusted users. Calls block.
final class MaildropReader: @unchecked Sendable {
    // Unchecked: used from one task at a time; the hops to the blocking pool are ordered by await.
    struct Recipient: Sendable, Equatable {
        var address: String
        var original: String?
        var dsnNotify: Int
        var dsnOriginal: String
    }

    let status: FileStatus
    private let file: any StoredFile
    private let reader: QueueFileReader
    private(set) var envelope = MaildropEnvelope()
    private var pending: QueueRecord?
    /// Offset of the first content record; 0 until the recipients of the envelope are read.
    private(set) var dataOffset = 0
    private var state = State.envelope
    private var content: ContentReader?

    /// The two places where a file has recipients.
    enum Segment { case envelope, extracted }

    private enum State { case envelope, content, extracted, ended }

    init(file: any StoredFile, status: FileStatus) throws(QueueFileError) {
        self.file = file
        self.status = status
        reader = QueueFileReader(file: file, size: status.size)
        try readEnvelope()
    }

    func close() { file.close() }

    /// Everything before the first recipient.
    private func readEnvelope() throws(QueueFileError) {
        while let record = try reader.next() {
            guard RecordType.envelopeTypes.contains(record.type) else { throw unexpected(record) }
            if isOfRecipient(record) || record.type == .message {
                pending = record
                guard envelope.sender != nil else { throw .corrupt(reason: "no sender record", offset: record.offset) }
                return
            }
            try take(record)
        }
        throw .corrupt(reason: "unexpected end of file", offset: reader.position)
    }

    private func isOfRecipient(_ record: QueueRecord) -> Bool {
        switch record.type {
        case .recipient, .done, .deletedRecipient, .originalRecipient, .dsnNotify, .dsnOriginalRecipient: return true
        case .attribute:
            let name = record.attribute?.name
            return name == "notify_flags" || name == "dsn_orig_rcpt"
        default: return false
        }
    }

    private func take(_ record: QueueRecord) throws(QueueFileError) {
        switch record.type {
        case .size:
            if let size = SizeRecord(payload: record.payload) {
                envelope.sendOptions = size.sendOptions.intersection(.requested)
            }
        case .time:
            let words = record.payload.split(separator: UInt8(ascii: " "))
            guard let seconds = words.first.flatMap({ RecordCodec.decimal($0) }) else {
                throw .corrupt(reason: "bad time record", offset: record.offset)
            }
            let fraction = words.count > 1 ? RecordCodec.decimal(words[1]) ?? 0 : 0
            envelope.arrival = MailTime(seconds: seconds, microseconds: min(max(fraction, 0), 999_999))
        case .fullName: envelope.fullName = record.text
        case .sender:
            guard envelope.sender == nil else {
                throw .corrupt(reason: "duplicate sender record", offset: record.offset)
            }
            envelope.sender = record.text
        case .verp: envelope.verp = record.text
        case .dsnEnvelopeID: envelope.envelopeID = record.text
        case .dsnReturn: envelope.dsnReturn = RecordCodec.decimal(record.payload) ?? 0
        case .attribute: takeAttribute(record)
        default: break
        }
    }

    private func takeAttribute(_ record: QueueRecord) {
        guard let (name, value) = record.attribute else { return }
        switch name {
        case "encoding": envelope.encoding = value
        case "envelope_id": envelope.envelopeID = value
        case "ret_flags": envelope.dsnReturn = (Int(value) ?? 0) & 3
        case "rewrite_context": envelope.rewriteContext = value
        case "trace_flags": envelope.traceFlags = (Int(value) ?? 0) & (512 | 1024)
        default: if envelope.attributes.count < 100 { envelope.attributes[name] = value }
        }
    }

    /// The next recipients of a segment; empty at its end. The envelope comes first.
    func nextRecipients(_ segment: Segment, _ limit: Int) throws(QueueFileError) -> [Recipient] {
        var batch: [Recipient] = []
        var draft = Recipient(address: "", original: nil, dsnNotify: 0, dsnOriginal: "")
        if segment == .extracted, state == .content { try skipContent() }
        while batch.count < limit, state == (segment == .envelope ? .envelope : .extracted) {
            guard let record = try nextRecord() else {
                throw .corrupt(reason: "unexpected end of file", offset: reader.position)
            }
            switch record.type {
            case .message where state == .envelope:
                dataOffset = record.nextOffset
                state = .content
            case .end where state == .extracted: state = .ended
            case .recipient:
                draft.address = record.text
                batch.append(draft)
                draft = Recipient(address: "", original: nil, dsnNotify: 0, dsnOriginal: "")
            case .done, .deletedRecipient: draft = Recipient(address: "", original: nil, dsnNotify: 0, dsnOriginal: "")
            case .originalRecipient: draft.original = record.text
            case .dsnNotify: draft.dsnNotify = (RecordCodec.decimal(record.payload) ?? 0) & 15
            case .dsnOriginalRecipient: draft.dsnOriginal = record.text
            case .attribute:
                if record.attribute?.name == "notify_flags" {
                    draft.dsnNotify = (Int(record.attribute?.value ?? "") ?? 0) & 15
                } else if record.attribute?.name == "dsn_orig_rcpt" {
                    draft.dsnOriginal = record.attribute?.value ?? ""
                } else if state == .envelope {
                    takeAttribute(record)
                }
            default:
                let allowed = state == .envelope ? RecordType.envelopeTypes : RecordType.extractedTypes
                guard allowed.contains(record.type) else { throw unexpected(record) }
            }
        }
        return batch
    }

    private func nextRecord() throws(QueueFileError) -> QueueRecord? {
        guard let record = pending else { return try reader.next() }
        pending = nil
        return record
    }

    private func skipContent() throws(QueueFileError) {
        while let record = try reader.next() {
            if record.type == .extracted {
                state = .extracted
                return
            }
            guard record.type == .line || record.type == .continued else { throw unexpected(record) }
        }
        throw .corrupt(reason: "unexpected end of file", offset: reader.position)
    }

    /// The next piece of the content, lines ended by LF; nil at its end. After the recipients of the envelope.
    func nextContent() throws(QueueFileError) -> [UInt8]? {
        let content =
            self.content ?? ContentReader(file: file, size: status.size, dataOffset: dataOffset, format: .text)
        self.content = content
        return try content.nextChunk()
    }

    private func unexpected(_ record: QueueRecord) -> QueueFileError {
        .corrupt(reason: "unexpected or malformed record type \(record.type.rawValue)", offset: record.offset)
    }
}
