import MailSystem

/// The envelope of a queued message without its recipients, which may be very many.
public struct QueuedMessage: Sendable, Equatable {
    public var size = SizeRecord()
    /// `T` record.
    public var arrival = MailTime(seconds: 0)
    /// Seconds; when the queue file was made. nil in old files.
    public var created: Int?
    /// Internal form; empty for the null sender.
    public var sender = ""
    public var fullName: String?
    /// `transport:nexthop`, or empty.
    public var contentFilter = ""
    public var inspector = ""
    public var redirect = ""
    /// VERP delimiters, or empty.
    public var verp = ""
    /// When to send a delay warning (seconds), and where its record is. nil: none asked for; negative: was sent.
    public var warningTime: Int?
    public var warningOffset: Int?
    /// Offset of the `A trace_flags` record, while it is in force.
    public var traceOffset: Int?
    /// Every other `A` record by name; the last one wins.
    public var attributes: [String: String] = [:]
    public var dsnEnvelopeID = ""
    /// 0 not given, 1 full, 2 headers.
    public var dsnReturn = 0
    /// Where the recipients begin; nil when the message has none.
    public var recipients: RecipientCursor?

    public init() {}

    /// `7bit`, `8bit` or empty.
    public var encoding: String { attributes["encoding"] ?? "" }
    /// 256 MTA verify, 512 user verify, 1024 record.
    public var traceFlags: Int { Int(attributes["trace_flags"] ?? "") ?? 0 }
    /// `local` or `remote`.
    public var rewriteContext: String { attributes["rewrite_context"] ?? "local" }
    public var saslMethod: String { attributes["sasl_method"] ?? "" }
    public var saslUsername: String { attributes["sasl_username"] ?? "" }
    public var saslSender: String { attributes["sasl_sender"] ?? "" }
    public var logIdent: String { attributes["log_ident"] ?? "" }
    public var messageID: String { attributes["message_id"] ?? "" }
    public var clientName: String { logged("client_name") }
    public var clientAddress: String { logged("client_address") }
    public var clientPort: String { logged("client_port") }
    public var heloName: String { logged("helo_name") }
    public var protocolName: String { logged("protocol_name") }

    /// Files older than 2.3 have only the names without `log_`.
    private func logged(_ name: String) -> String { attributes["log_" + name] ?? attributes[name] ?? "" }

    /// Offset of the `X` record.
    public var extractedOffset: Int {
        let (sum, overflow) = size.dataOffset.addingReportingOverflow(size.segmentLength)
        return overflow ? Int.max : sum
    }
}

/// A recipient still to do.
public struct QueuedRecipient: Sendable, Equatable {
    /// Offset of the type byte of the `R` record.
    public var offset: Int
    /// Internal form.
    public var address: String
    /// Before rewriting; empty when not recorded.
    public var original: String
    /// `type;address`, or empty.
    public var dsnOriginal: String
    /// 1 never, 2 success, 4 failure, 8 delay; 0 not given.
    public var dsnNotify: Int

    public init(offset: Int, address: String, original: String = "", dsnOriginal: String = "", dsnNotify: Int = 0) {
        self.offset = offset
        self.address = address
        self.original = original
        self.dsnOriginal = dsnOriginal
        self.dsnNotify = dsnNotify
    }
}

/// Where to go on reading recipients. A plain value: it can be kept while the file is closed.
public struct RecipientCursor: Sendable, Hashable {
    public enum Segment: UInt8, Sendable { case envelope, extracted }
    public var segment: Segment
    /// Of the next record.
    public var offset: Int

    public init(segment: Segment, offset: Int) {
        self.segment = segment
        self.offset = offset
    }
}
