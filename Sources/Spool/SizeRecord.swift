/// The `C` record: sizes, offsets and counts of a queue file (queuefile.md §3).
public struct SizeRecord: Sendable, Equatable {
    /// Content segment in file bytes: offset of `X` less `dataOffset`.
    public var segmentLength: Int
    /// Offset of the first record after `M`.
    public var dataOffset: Int
    public var recipientCount: Int
    public var queueFlags: QueueFlags
    /// Message size for logs and limits; `segmentLength` unless a milter replaced the body.
    public var contentLength: Int
    public var sendOptions: SendOptions

    public init(
        segmentLength: Int = 0, dataOffset: Int = 0, recipientCount: Int = 0, queueFlags: QueueFlags = [],
        contentLength: Int = 0, sendOptions: SendOptions = []
    ) {
        self.segmentLength = segmentLength
        self.dataOffset = dataOffset
        self.recipientCount = recipientCount
        self.queueFlags = queueFlags
        self.contentLength = contentLength
        self.sendOptions = sendOptions
    }

    /// Field 4.
    public struct QueueFlags: OptionSet, Sendable, Hashable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        /// Recipients stand between other records: the whole envelope must be read.
        public static let mixedRecipients = QueueFlags(rawValue: 1)
        /// The union of all recipients' NOTIFY bits (1 never, 2 success, 4 failure, 8 delay).
        public static func notify(_ bits: Int) -> QueueFlags { QueueFlags(rawValue: (bits & 15) << 1) }
        public var notify: Int { rawValue >> 1 & 15 }
        public var hasUnknownBits: Bool { rawValue & ~31 != 0 }
    }

    /// Field 6, RFC 6531, 8689 and TLS-Required.
    public struct SendOptions: OptionSet, Sendable, Hashable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        public static let smtputf8Requested = SendOptions(rawValue: 1)
        public static let smtputf8Header = SendOptions(rawValue: 2)
        public static let smtputf8Sender = SendOptions(rawValue: 4)
        public static let smtputf8Recipient = SendOptions(rawValue: 8)
        public static let tlsNotRequired = SendOptions(rawValue: 16)
        public static let requireTLS = SendOptions(rawValue: 32)
        /// What an earlier `C` record may pass on; the rest is found out again.
        public static let requested: SendOptions = [.smtputf8Requested, .requireTLS]
    }

    /// Bytes of the whole record in a file.
    public static let encodedSize = 97

    /// The 95 bytes of the payload.
    public var payload: String {
        var text = RecordCodec.column15(segmentLength)
        for field in [dataOffset, recipientCount, queueFlags.rawValue, contentLength, sendOptions.rawValue] {
            text += " "
            text += RecordCodec.column15(field)
        }
        return text
    }

    /// Accepts one field (before Postfix 1.0), or three and more; missing ones are 0, and a missing content length is
    /// the segment length.
    public init?(payload: some Collection<UInt8>) {
        var fields: [Int] = []
        for word in payload.split(whereSeparator: { $0 == UInt8(ascii: " ") }) {
            guard let value = RecordCodec.decimal(word) else { return nil }
            fields.append(value)
            if fields.count == 6 { break }
        }
        guard let first = fields.first, fields.count != 2 else { return nil }
        func field(_ index: Int) -> Int { index < fields.count ? fields[index] : 0 }
        self.init(
            segmentLength: first, dataOffset: field(1), recipientCount: field(2),
            queueFlags: QueueFlags(rawValue: field(3)), contentLength: field(4) == 0 ? first : field(4),
            sendOptions: SendOptions(rawValue: field(5)))
    }
}
