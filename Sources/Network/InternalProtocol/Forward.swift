/// A recipient of a message that local delivery sends on.
public struct ForwardRecipient: WireCodable, Equatable {
    public var address: String
    public var originalAddress: String
    public var dsnOriginalRecipient: String
    public var dsnNotify: Int

    public init(address: String, originalAddress: String, dsnOriginalRecipient: String = "", dsnNotify: Int = 0) {
        self.address = address
        self.originalAddress = originalAddress
        self.dsnOriginalRecipient = dsnOriginalRecipient
        self.dsnNotify = dsnNotify
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(address)
        writer.write(originalAddress)
        writer.write(dsnOriginalRecipient)
        writer.write(dsnNotify)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            address: try reader.string(), originalAddress: try reader.string(),
            dsnOriginalRecipient: try reader.string(), dsnNotify: try reader.int())
    }
}

/// Aliases and .forward files: submit the content of a queued message again, to other recipients. Asked of
/// `InternalEndpoint.queue`, which may create queue files; the content is read from the old queue file.
public struct ForwardRequest: InternalRequest, Equatable {
    public typealias Reply = ForwardReply
    public static let kind = RequestKind.forward

    /// The delivery under way, without its recipients.
    public var original: DeliveryRequest
    /// The new envelope sender: the old one, or the owner of a list.
    public var sender: String
    public var recipients: [ForwardRecipient]
    /// Internal form; becomes a Delivered-To: header that stops loops. Empty: none.
    public var deliveredTo: String

    public init(original: DeliveryRequest, sender: String, recipients: [ForwardRecipient], deliveredTo: String) {
        self.original = original
        self.original.recipients = []
        self.sender = sender
        self.recipients = recipients
        self.deliveredTo = deliveredTo
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(original)
        writer.write(sender)
        writer.write(recipients) { $0.write($1) }
        writer.write(deliveredTo)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        original = try reader.value()
        sender = try reader.string()
        recipients = try reader.array { (reader) throws(WireError) in try ForwardRecipient(from: &reader) }
        deliveredTo = try reader.string()
    }
}

/// What became of a `ForwardRequest`.
public enum ForwardReply: WireCodable, Equatable {
    /// On disk under this queue id.
    case accepted(queueID: String)
    /// RFC 3463 status and reason.
    case refused(status: String, reason: String)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .accepted(let id):
            writer.write(UInt8(0))
            writer.write(id)
        case .refused(let status, let reason):
            writer.write(UInt8(1))
            writer.write(status)
            writer.write(reason)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.byte() {
        case 0: self = .accepted(queueID: try reader.string())
        case 1: self = .refused(status: try reader.string(), reason: try reader.string())
        default: throw WireError("unknown forward reply")
        }
    }
}
