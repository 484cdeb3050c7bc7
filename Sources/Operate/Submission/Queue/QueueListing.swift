import MailSyntax

/// A message in the reply of the showq service (sendprotocols.md §11). Addresses are in external form.
public struct QueueListing: Sendable, Equatable {
    public struct Recipient: Sendable, Equatable {
        public var original: String
        public var address: String
        /// `defer`, `bounce` or empty, with the reason.
        public var logClass: String
        public var reason: String

        public init(original: String = "", address: String, logClass: String = "", reason: String = "") {
            self.original = original
            self.address = address
            self.logClass = logClass
            self.reason = reason
        }
    }

    public var queueName: String
    public var queueID: String
    /// Seconds.
    public var arrival: Int
    public var size: Int
    public var forcedExpire: Bool
    public var sender: String

    public init(queueName: String, queueID: String, arrival: Int, size: Int, forcedExpire: Bool, sender: String) {
        self.queueName = queueName
        self.queueID = queueID
        self.arrival = arrival
        self.size = size
        self.forcedExpire = forcedExpire
        self.sender = sender
    }
}

/// Encodes what showq sends.
public enum QueueListingEncoder {
    public static let greeting = AttributeCodec.encode([.init("protocol", "mail_queue_list_protocol")], as: .null)
    /// After the last message.
    public static let end: [UInt8] = [0]

    /// The start of a message; recipients and `endOfMessage` follow.
    public static func message(_ listing: QueueListing) -> [UInt8] {
        list([
            ("queue_name", listing.queueName), ("queue_id", listing.queueID), ("time", "\(listing.arrival)"),
            ("size", "\(listing.size)"), ("forced_expire", listing.forcedExpire ? "1" : "0"),
            ("sender", listing.sender),
        ])
    }

    public static func recipient(_ recipient: QueueListing.Recipient) -> [UInt8] {
        list([
            ("original_recipient", recipient.original), ("recipient", recipient.address),
            ("log_class", recipient.logClass), ("reason", recipient.reason),
        ])
    }

    public static let endOfMessage: [UInt8] = [0]

    private static func list(_ attributes: [(String, String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in attributes {
            bytes += name.utf8
            bytes.append(0)
            bytes += value.utf8.map { $0 == 0 ? 0x3f : $0 }
            bytes.append(0)
        }
        return bytes
    }
}

/// Receives a listing as it arrives, so that a queue of any length can be printed.
public protocol QueueListingReceiver {
    mutating func begin(_ message: QueueListing) throws
    mutating func recipient(_ recipient: QueueListing.Recipient) throws
    mutating func endMessage() throws
    mutating func end() throws
}

/// Reads the reply of showq.
public struct QueueListingReader {
    /// The reply is not a queue listing, or ends early.
    public struct Malformed: Error {}

    private static let fieldLimit = 1 << 16
    private var source: ByteSource

    public init(_ descriptor: CInt) { source = ByteSource(descriptor) }

    public mutating func read(to receiver: inout some QueueListingReceiver) throws {
        guard try field() == "protocol", try field() == "mail_queue_list_protocol", try field() == "" else {
            throw Malformed()
        }
        while try message(&receiver) {}
        try receiver.end()
    }

    private mutating func field() throws -> String {
        guard let (bytes, complete) = try source.piece(until: 0, limit: Self.fieldLimit), complete else {
            throw Malformed()
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func message(_ receiver: inout some QueueListingReceiver) throws -> Bool {
        var listing = QueueListing(
            queueName: "", queueID: "", arrival: 0, size: 0, forcedExpire: false, sender: "")
        var began = false
        var current: QueueListing.Recipient?
        while true {
            let name = try field()
            if name.isEmpty {
                if !began, listing.queueID.isEmpty { return false }
                if !began { try receiver.begin(listing) }
                if let current { try receiver.recipient(current) }
                try receiver.endMessage()
                return true
            }
            let value = try field()
            switch name {
            case "queue_name": listing.queueName = value
            case "queue_id": listing.queueID = value
            case "time": listing.arrival = Int(value) ?? 0
            case "size": listing.size = Int(value) ?? 0
            case "forced_expire": listing.forcedExpire = value != "0"
            case "sender":
                listing.sender = value
                try receiver.begin(listing)
                began = true
            case "original_recipient":
                if let current { try receiver.recipient(current) }
                current = QueueListing.Recipient(original: value, address: "")
            case "recipient":
                // Before 3.11 there is no original recipient: this starts the next one.
                if let last = current, !last.address.isEmpty {
                    try receiver.recipient(last)
                    current = nil
                }
                var next = current ?? QueueListing.Recipient(address: "")
                next.address = value
                current = next
            case "log_class": current?.logClass = value
            case "reason": current?.reason = value
            default: break
            }
        }
    }
}
