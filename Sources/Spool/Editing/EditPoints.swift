/// Where a queue file can be changed before it is committed: the place holders that cleanup leaves when milters are
/// configured (queuefile.md §6). File offsets.
public struct EditPoints: Sendable, Equatable {
    /// A pointer record without effect, and where reading goes on behind it.
    public struct Place: Sendable, Equatable {
        public var offset: Int
        public var target: Int

        public init(offset: Int, target: Int) {
            self.offset = offset
            self.target = target
        }
    }

    /// First record of the content.
    public var data = 0
    /// The `X` record.
    public var extracted = 0
    /// The sender's record, and what follows it and its padding.
    public var sender: Place?
    /// Behind the last recipient.
    public var recipients: Place?
    /// Behind the last header.
    public var headers: Place?
    /// Behind `X`.
    public var meta: Place?

    public init() {}

    /// Finds them in a file that has not been edited. The reader must return every record and follow no pointers.
    public static func scan(_ reader: QueueFileReader) throws(QueueFileError) -> EditPoints {
        var points = EditPoints()
        var hasRecipients = false
        reader.seek(to: 0)
        reader.options = [.stopAtEnd]
        while let record = try reader.next() {
            let inContent = points.data > 0 && points.extracted == 0
            let place = Place(offset: record.offset, target: record.nextOffset)
            switch record.type {
            case .sender where points.sender == nil:
                points.sender = place
                // A short sender has padding behind it.
                if record.payload.count < pointerPayload, let pad = try reader.next() {
                    points.sender?.target = pad.nextOffset
                }
            case .message where points.data == 0: points.data = record.nextOffset
            case .extracted where inContent:
                points.extracted = record.offset
                hasRecipients = false
            case .recipient where !inContent: hasRecipients = true
            case .pointer:
                if points.data == 0 {
                    points.recipients = place
                } else if inContent {
                    points.headers = points.headers ?? place
                } else if !hasRecipients {
                    points.meta = points.meta ?? place
                } else {
                    points.recipients = points.recipients ?? place
                }
            default: break
            }
        }
        return points
    }

    /// Bytes of a pointer record's payload, and of the whole record.
    static let pointerPayload = 15
    static let pointerSize = 17
}
