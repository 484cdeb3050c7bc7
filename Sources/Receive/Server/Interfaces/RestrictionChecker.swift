/// The points of the dialogue where restriction lists run.
public enum RestrictionStage: Sendable, Equatable {
    /// smtpd_client_restrictions, unless smtpd_delay_reject postpones them to RCPT or ETRN.
    case connect
    case helo
    case mail
    /// RCPT, and VRFY (then `facts.sender` is nil). With smtpd_delay_reject the earlier lists run here, and the
    /// unlisted-recipient and unlisted-sender checks too.
    case recipient
    case etrn
    case data
    case endOfData
}

/// What a restriction did that must be logged, in order: `reject_warning`, `warn`, `info`, `hold`, `discard`,
/// `filter`, `redirect`, `bcc`, `permit` with its text. A reject is not an event: it is the verdict's reply.
public struct RestrictionEvent: Sendable, Equatable {
    public var verb: String
    public var text: String

    public init(verb: String, text: String) {
        self.verb = verb
        self.text = text
    }
}

/// What access table actions want done to the message.
public struct MessageEffects: Sendable, Equatable {
    public var hold = false
    public var discard = false
    /// `transport:destination` of the last FILTER.
    public var filter: String?
    public var redirect: String?
    public var bcc: [String] = []
    /// Header lines to put before the message, in order.
    public var prepend: [String] = []

    public init() {}

    /// Adds what a later stage asked for: the last filter and redirect win, prepended headers keep their order.
    public mutating func merge(_ later: MessageEffects) {
        hold = hold || later.hold
        discard = discard || later.discard
        filter = later.filter ?? filter
        redirect = later.redirect ?? redirect
        bcc += later.bcc
        prepend += later.prepend
    }

    public var isEmpty: Bool { self == MessageEffects() }
}

/// The answer of the restriction lists at one stage.
public struct RestrictionVerdict: Sendable, Equatable {
    /// The refusal, before soft_bounce and smtpd_reject_footer; nil when the command may go on.
    public var refusal: ServerReply?
    public var events: [RestrictionEvent] = []
    /// Lines for the log as warnings (`warning: …`), such as failed table look-ups.
    public var warnings: [String] = []
    /// Lines about old defaults that have decided something; some belong behind the line about the refusal.
    public var notes: [String] = []
    public var notesAfterRefusal: [String] = []
    /// A client's certificate is looked up by a digest that is an old default.
    public var usedOldDigest = false
    public var effects = MessageEffects()
    /// HANGUP: drop the connection without a reply.
    public var hangUp = false

    public init(refusal: ServerReply? = nil) { self.refusal = refusal }

    public static let accept = RestrictionVerdict()
}

/// What the lists remember from one stage to the next: pending defer_if_permit and defer_if_reject of the client, helo
/// and sender lists when smtpd_delay_reject=no. The session keeps it and clears `mail` with each transaction.
public struct RestrictionMemory: Sendable, Equatable {
    public var session: [String: ServerReply] = [:]
    public var mail: [String: ServerReply] = [:]

    public init() {}
}

/// The restriction lists of one smtpd service.
public protocol RestrictionChecker: Sendable {
    func check(
        _ stage: RestrictionStage, _ facts: SessionFacts, _ memory: inout RestrictionMemory
    ) async -> RestrictionVerdict

    /// local_header_rewrite_clients, asked at MAIL.
    func headerRewriting(_ facts: SessionFacts) async -> HeaderRewriting
}

/// Whose headers are completed with this server's own domain.
public enum HeaderRewriting: Sendable, Equatable {
    case local
    case remote
    /// A table could not say.
    case refused(ServerReply)
}
