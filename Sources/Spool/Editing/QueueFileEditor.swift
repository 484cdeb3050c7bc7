import MailSystem

/// Changes a queue file in place before it is committed, by writing new records at its end and pointing to them: what
/// milters ask for. Each change is complete before the pointer that makes it visible is written. Calls block.
public final class QueueFileEditor: @unchecked Sendable {
    // Unchecked: one message, used from one task at a time; the hops to the blocking pool are ordered by await.
    public let file: any StoredFile
    public internal(set) var points: EditPoints
    /// Size of the file.
    public internal(set) var end: Int
    /// Text lines of this length and more are split.
    public let lineLimit: Int
    /// Recipients that still count.
    public internal(set) var addedRecipients = 0
    /// Bytes of the content as readers see it; nil while the body is the original one.
    public internal(set) var contentLength: Int?
    var body: BodyRegions

    public init(file: any StoredFile, size: Int, points: EditPoints, lineLimit: Int = 2048) {
        self.file = file
        self.points = points
        end = size
        self.lineLimit = max(1, lineLimit)
        body = BodyRegions(points)
    }

    // MARK: Records

    func reader(at offset: Int) -> QueueFileReader {
        QueueFileReader(file: file, size: end, at: offset, options: [.stopAtEnd])
    }

    func append(_ bytes: [UInt8]) throws(QueueFileError) {
        try write(bytes, at: end)
        end += bytes.count
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(QueueFileError) {
        do {
            try file.write(bytes, at: offset)
        } catch {
            throw .system(error)
        }
    }

    static func pointer(_ target: Int) -> [UInt8] { RecordCodec.encode(.pointer, RecordCodec.column15(target).utf8) }

    /// Puts records at the end of the file, behind them a pointer back to `target`.
    /// - Returns: where they start, and where the pointer is.
    func appendChain(_ records: [UInt8], backTo target: Int) throws(QueueFileError) -> (start: Int, pointer: Int) {
        let start = end
        try append(records + Self.pointer(target))
        return (start, start + records.count)
    }

    /// Adds records to what `place` collects.
    func extend(_ place: WritableKeyPath<EditPoints, EditPoints.Place?>, _ records: [UInt8]) throws(QueueFileError) {
        guard let old = points[keyPath: place] else {
            throw .corrupt(reason: "no place for new records", offset: end)
        }
        let chain = try appendChain(records, backTo: old.target)
        try write(Self.pointer(chain.start), at: old.offset)
        points[keyPath: place]?.offset = chain.pointer
    }

    // MARK: Envelope

    /// Records of the extracted segment: a content filter, a redirect address.
    public func addMeta(_ type: RecordType, _ text: String) throws(QueueFileError) {
        try extend(\.meta, RecordCodec.encode(type, text.utf8))
    }

    /// - Parameter records: of recipients, as they are (automatic bcc recipients).
    public func changeSender(_ sender: String, envelopeID: String?, dsnReturn: Int?, bcc records: [UInt8] = [])
        throws(QueueFileError)
    {
        guard let old = points.sender else { throw .corrupt(reason: "no sender record", offset: 0) }
        var bytes: [UInt8] = []
        if let envelopeID { RecordCodec.append(.attribute, "envelope_id=\(envelopeID)", to: &bytes) }
        if let dsnReturn { RecordCodec.append(.attribute, "ret_flags=\(dsnReturn)", to: &bytes) }
        RecordCodec.append(.sender, sender, to: &bytes)
        bytes += Self.senderPadding(sender)
        let target = end + bytes.count
        let chain = try appendChain(bytes + records, backTo: old.target)
        try write(Self.pointer(chain.start), at: old.offset)
        points.sender = EditPoints.Place(offset: chain.start, target: target)
    }

    /// Makes room for a pointer over a short sender.
    public static func senderPadding(_ sender: String) -> [UInt8] {
        let length = sender.utf8.count
        guard length < EditPoints.pointerPayload else { return [] }
        return RecordCodec.encode(.pointer, padding(EditPoints.pointerPayload - 2 - length))
    }

    /// A zero in a field of this width.
    static func padding(_ width: Int) -> [UInt8] {
        [UInt8](repeating: 0x20, count: max(0, width - 1)) + [0x30]
    }

    /// - Parameter records: those of one recipient.
    public func addRecipient(_ records: [UInt8]) throws(QueueFileError) {
        try extend(\.recipients, records)
        addedRecipients += 1
    }

    /// A recipient as its records tell it.
    public struct Recipient: Sendable, Equatable {
        public var address: String
        public var original: String
        public var dsnOriginal: String
        public var dsnNotify: Int
    }

    /// Takes out every recipient that came from `original`.
    /// - Returns: what was taken out.
    public func deleteRecipients(from original: String) throws(QueueFileError) -> [Recipient] {
        var deleted: [Recipient] = []
        let reader = reader(at: 0)
        reader.options = [.followPointers, .stopAtEnd]
        var current = Recipient(address: "", original: "", dsnOriginal: "", dsnNotify: 0)
        while let record = try reader.next() {
            switch record.type {
            // The content is left out.
            case .message: reader.seek(to: points.extracted)
            case .originalRecipient: current.original = record.text
            case .attribute:
                guard let (name, value) = record.attribute else { continue }
                if name == "dsn_orig_rcpt" { current.dsnOriginal = value }
                if name == "notify_flags" { current.dsnNotify = Int(value) ?? 0 }
            case .recipient, .done, .deletedRecipient:
                current.address = record.text
                let matches = (current.original.isEmpty ? current.address : current.original) == original
                if record.type == .recipient, matches {
                    try write([RecordType.deletedRecipient.rawValue], at: record.offset)
                    deleted.append(current)
                    addedRecipients -= 1
                }
                current = Recipient(address: "", original: "", dsnOriginal: "", dsnNotify: 0)
            default: break
            }
        }
        return deleted
    }
}
