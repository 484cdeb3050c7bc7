import InternalProtocol
import MailSystem

/// Whether a client is on a list; nil when a table of the list could not answer, which has been logged.
public typealias ClientPredicate = @Sendable (ClientIdentity) async -> Bool?

/// What a session asks of the rest of the system.
public struct ServerEnvironment: Sendable {
    public var checker: any RestrictionChecker
    public var intake: any MessageIntake
    public var log: MailLog
    public var clock: any MailClock
    /// Bytes free in the queue's file system, nil when not known.
    public var freeSpace: @Sendable () async -> Int?
    /// ETRN: asks flush for the deferred mail of a site.
    public var flush: @Sendable (String) async -> FlushReply
    /// True for verbs of smtpd_forbidden_commands.
    public var isForbidden: @Sendable (String) async -> Bool
    /// True for verbs of smtpd_noop_commands; nil when there are none.
    public var isNoOperation: (@Sendable (String) async -> Bool)?
    /// True for clients of smtpd_client_event_limit_exceptions.
    public var isExempt: @Sendable (ClientIdentity) async -> Bool
    /// True for clients of smtpd_sasl_exceptions_networks.
    public var isSASLException: ClientPredicate = { _ in false }
    /// True for clients of smtpd_forbid_bare_newline_exclusions.
    public var toleratesBareNewline: @Sendable (ClientIdentity) async -> Bool = { _ in false }
    /// smtpd_command_filter: what replaces a command line; nil inside for no change, nil when the table fails.
    public var commandFilter: (@Sendable (String) async -> String??)?
    /// True for clients of smtpd_authorized_verp_clients.
    public var mayUseVERP: ClientPredicate = { _ in false }
    /// True for clients of smtpd_authorized_xclient_hosts.
    public var mayUseXClient: ClientPredicate = { _ in false }
    /// True for clients of smtpd_authorized_xforward_hosts.
    public var mayUseXForward: ClientPredicate = { _ in false }
    /// smtpd_discard_ehlo_keyword_address_maps: what a client's address gives; nil inside where smtpd_discard_ehlo_keywords
    /// apply, nil when the table fails.
    public var discardedKeywords: (@Sendable (ClientIdentity) async -> String??)?
    public var sasl: (any SASLService)?
    /// Mails the postmaster a transcript of a session with trouble of notify_classes: client and text.
    public var noticeTrouble: (@Sendable (String, String) async -> Void)?
    public var limits: any ClientLimits
    /// Keys are there: STARTTLS can be offered.
    public var offersTLS = false

    public init(
        checker: any RestrictionChecker, intake: any MessageIntake, log: MailLog, clock: any MailClock,
        limits: any ClientLimits,
        freeSpace: @escaping @Sendable () async -> Int? = { nil },
        flush: @escaping @Sendable (String) async -> FlushReply = { _ in .unknownSite },
        isForbidden: @escaping @Sendable (String) async -> Bool = { _ in false },
        isNoOperation: (@Sendable (String) async -> Bool)? = nil,
        isExempt: @escaping @Sendable (ClientIdentity) async -> Bool = { _ in false }
    ) {
        self.checker = checker
        self.intake = intake
        self.log = log
        self.clock = clock
        self.limits = limits
        self.freeSpace = freeSpace
        self.flush = flush
        self.isForbidden = isForbidden
        self.isNoOperation = isNoOperation
        self.isExempt = isExempt
    }
}
