import MailSyntax
import MailSystem
import Routing
import Spool

/// Where a message comes from: decides the order of the envelope records, as Postfix's programs send them.
public enum MessageSource: Sendable, Equatable {
    /// smtpd, qmqpd.
    case network
    /// pickup: submitted with sendmail.
    case local
    /// An alias or .forward: local(8) sends it on.
    case forwarded
    /// Bounces, probes, notices to the postmaster.
    case generated
}

/// The client as the queue file records it. Empty strings where unknown.
public struct ClientFacts: Sendable, Equatable {
    public var clientName = ""
    public var reverseClientName = ""
    public var clientAddress = ""
    public var clientPort = ""
    /// AF_INET or AF_INET6 as Linux numbers them: 2 or 10.
    public var clientAddressType = 2
    public var serverAddress = ""
    public var serverPort = ""
    public var heloName = ""
    /// `SMTP`, `ESMTP` …
    public var protocolName = ""
    public var saslMethod = ""
    public var saslUsername = ""
    public var saslSender = ""
    /// What XFORWARD said, for logging; nil: the client's own.
    public var forwarded: ForwardedFacts?

    public init() {}

    /// `name[address]`.
    public var origin: String { "\(clientName)[\(clientAddress)]" }
}

/// The client of the SMTP session before a content filter.
public struct ForwardedFacts: Sendable, Equatable {
    public var clientName = ""
    public var clientAddress = ""
    public var clientPort = ""
    public var heloName = ""
    public var protocolName = ""
    /// The queue id in front of the filter.
    public var logIdent = ""

    public init() {}

    /// `name[address]`; the name alone when the filter did not say the address.
    var messageOrigin: String { clientAddress == "unknown" ? clientName : "\(clientName)[\(clientAddress)]" }
}

/// What is known of a message before its recipients and content.
public struct IncomingEnvelope: Sendable {
    public var source: MessageSource
    /// Internal form as given; rewriting is cleanup's. Empty: null sender.
    public var sender: String
    /// Start of the delivery time: `T` record.
    public var arrival: MailTime
    public var client: ClientFacts?
    /// Sender's full name for a missing From:; nil: not known.
    public var fullName: String?
    public var dsnEnvelopeID = ""
    /// 0 not given, 1 full, 2 headers.
    public var dsnReturn = 0
    /// `7bit`, `8bit` or empty.
    public var encoding = ""
    /// Local clients' headers are rewritten and completed; remote ones only if remote_header_rewrite_domain is set.
    public var rewriteContext = RewriteContext.local
    /// SMTPUTF8 and REQUIRETLS as the client asked.
    public var sendOptions: SizeRecord.SendOptions = []
    /// The content_filter parameter of the receiving service; empty for mail that must not be filtered.
    public var contentFilter = ""
    /// Two delimiters; empty: none.
    public var verp = ""
    /// Bits of `trace_flags`.
    public var traceFlags = 0
    /// Canonical, virtual alias and masquerade mapping; off with receive_override_options = no_address_mappings.
    public var mapsAddresses = true
    /// header_checks, body_checks and their relatives: only for new mail; off with receive_override_options =
    /// no_header_body_checks.
    public var checksContent: Bool
    /// Automatic bcc recipients: only for new mail, never for what this system sends on or makes itself.
    public var addsBcc: Bool

    /// no_address_mappings switches both off.
    var wantsBcc: Bool { addsBcc && mapsAddresses }

    public init(source: MessageSource, sender: String, arrival: MailTime) {
        self.source = source
        self.sender = sender
        self.arrival = arrival
        addsBcc = source == .network || source == .local
        checksContent = addsBcc
    }
}

/// One recipient as the client gave it.
public struct RecipientSpec: Sendable, Equatable {
    /// Internal form, not rewritten. Empty: empty_address_recipient.
    public var address: String
    /// For the `O` record; nil: the same.
    public var original: String?
    /// DSN NOTIFY bits: 1 never, 2 success, 4 failure, 8 delay; 0 when not given.
    public var dsnNotify: Int
    /// DSN ORCPT as `type;address`. smtpd fills it with `rfc822;` and the address as typed when the client gave none;
    /// when empty, cleanup takes the rewritten address.
    public var dsnOriginal: String

    public init(_ address: String, original: String? = nil, dsnNotify: Int = 0, dsnOriginal: String = "") {
        self.address = address
        self.original = original
        self.dsnNotify = dsnNotify
        self.dsnOriginal = dsnOriginal
    }
}

/// What access tables decided about the whole message.
public struct MessageEffects: Sendable, Equatable {
    public var hold = false
    public var discard = false
    /// `transport:nexthop`.
    public var filter: String?
    public var redirect: String?
    public var bcc: [String] = []

    public init() {}
}
