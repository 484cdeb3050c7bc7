/// What `queue` asks of `send` and `deliver`, and what they answer. The content of a message never travels: the
/// agent opens the queue file itself, marks finished recipients in it and writes the delivery log lines.

/// One recipient of a delivery request.
public struct DeliveryRecipient: Sendable, Equatable {
    /// File offset of the type byte of the recipient's `R` record.
    public var offset: Int
    /// Internal (unquoted) form.
    public var address: String
    /// Before rewriting; empty when not recorded.
    public var originalAddress: String
    /// DSN ORCPT as `type;address`, or empty.
    public var dsnOriginalRecipient: String
    /// DSN NOTIFY bits: 1 never, 2 success, 4 failure, 8 delay; 0 when not given.
    public var dsnNotify: Int

    public init(
        offset: Int, address: String, originalAddress: String = "", dsnOriginalRecipient: String = "",
        dsnNotify: Int = 0
    ) {
        self.offset = offset
        self.address = address
        self.originalAddress = originalAddress
        self.dsnOriginalRecipient = dsnOriginalRecipient
        self.dsnNotify = dsnNotify
    }
}

/// Where a message came from, as its queue file records it. Empty strings where unknown.
public struct MessageOrigin: Sendable, Equatable {
    public var clientName = ""
    public var clientAddress = ""
    public var clientPort = ""
    public var protocolName = ""
    public var heloName = ""
    public var saslMethod = ""
    public var saslUsername = ""
    public var saslSender = ""
    public var logIdent = ""
    /// `local` or `remote`.
    public var rewriteContext = ""

    public init() {}
}

/// What kind of delivery is asked for.
public struct DeliveryFlags: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// Address verification probe of the MTA: connect and ask, deliver nothing (trace_flags 256).
    public static let verifyForMTA = DeliveryFlags(rawValue: 256)
    /// `sendmail -bv`: report what would happen, deliver nothing (trace_flags 512).
    public static let verifyForUser = DeliveryFlags(rawValue: 512)
    /// `sendmail -v`: deliver and report (trace_flags 1024).
    public static let record = DeliveryFlags(rawValue: 1024)
    /// More deliveries to this destination follow: keep the connection if you can.
    public static let connectionReuse = DeliveryFlags(rawValue: 1 << 20)
}

/// A batch of recipients of one message that share a transport and next hop.
public struct DeliveryRequest: Sendable, Equatable {
    /// The master.cf service that delivers: `smtp`, `relay`, `local`, `spamass-dovecot` …
    public var service: String
    public var nexthop: String
    /// The directory the file is in, `active`.
    public var queueName: String
    public var queueID: String
    /// Internal form; empty for the null sender.
    public var sender: String
    /// `7bit`, `8bit` or empty.
    public var encoding: String
    /// Offset of the first content record, and size of the content segment.
    public var dataOffset: Int
    public var contentLength: Int
    /// Send options of the `C` record: SMTPUTF8 and TLS bits.
    public var sendOptions: Int
    public var envelopeID: String
    /// 0 not given, 1 full, 2 headers.
    public var dsnReturn: Int
    public var flags: DeliveryFlags
    /// Arrival of the message (`T` record), seconds and microseconds.
    public var arrivalSeconds: Int
    public var arrivalMicroseconds: Int
    /// When the message entered the active queue (wall clock).
    public var activeSeconds: Int
    public var activeMicroseconds: Int
    public var origin: MessageOrigin
    public var recipients: [DeliveryRecipient]

    public init(
        service: String, nexthop: String, queueName: String = "active", queueID: String, sender: String,
        recipients: [DeliveryRecipient]
    ) {
        self.service = service
        self.nexthop = nexthop
        self.queueName = queueName
        self.queueID = queueID
        self.sender = sender
        self.recipients = recipients
        encoding = ""
        dataOffset = 0
        contentLength = 0
        sendOptions = 0
        envelopeID = ""
        dsnReturn = 0
        flags = []
        arrivalSeconds = 0
        arrivalMicroseconds = 0
        activeSeconds = 0
        activeMicroseconds = 0
        origin = MessageOrigin()
    }
}

/// What became of one recipient.
public enum DeliveryOutcome: UInt8, Sendable, Equatable {
    /// Done, and the agent has marked the recipient in the queue file.
    case delivered = 0
    /// Try again later: `queue` writes the defer log.
    case deferred = 1
    /// Never: `queue` writes the bounce log, then marks the recipient.
    case bounced = 2
}

/// Result for one recipient; the fields are those of the bounce, defer and trace logs.
public struct RecipientResult: Sendable, Equatable {
    /// As in the request.
    public var offset: Int
    public var outcome: DeliveryOutcome
    /// RFC 3463 status, `5.1.1`.
    public var status: String
    /// RFC 3464 action: `failed`, `delayed`, `delivered`, `relayed`, `expanded`, `deliverable`, `undeliverable`.
    public var action: String
    /// Human readable: `host mx.example[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)`.
    public var reason: String
    /// RFC 3464 diagnostic: type `smtp`, `x-unix`, `x-postfix` with its text, or both empty.
    public var diagnosticType: String
    public var diagnosticText: String
    /// RFC 3464 remote MTA: type `dns` with its name, or both empty.
    public var mtaType: String
    public var mtaName: String

    public init(
        offset: Int, outcome: DeliveryOutcome, status: String, action: String, reason: String,
        diagnosticType: String = "", diagnosticText: String = "", mtaType: String = "", mtaName: String = ""
    ) {
        self.offset = offset
        self.outcome = outcome
        self.status = status
        self.action = action
        self.reason = reason
        self.diagnosticType = diagnosticType
        self.diagnosticText = diagnosticText
        self.mtaType = mtaType
        self.mtaName = mtaName
    }
}

/// The answer to a `DeliveryRequest`: one result for each recipient.
public struct DeliveryReport: Sendable, Equatable {
    public var results: [RecipientResult]
    /// Set when the destination as a whole could not be reached (connection refused, TLS failure, command missing):
    /// status and reason. The scheduler lowers the destination's concurrency and, past a limit, suspends it.
    public var destinationFailure: DestinationFailure?

    public init(results: [RecipientResult], destinationFailure: DestinationFailure? = nil) {
        self.results = results
        self.destinationFailure = destinationFailure
    }
}

public struct DestinationFailure: Sendable, Equatable {
    public var status: String
    public var reason: String

    public init(status: String, reason: String) {
        self.status = status
        self.reason = reason
    }
}
