import InternalProtocol
import MailSystem

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
    /// True for verbs of smtpd_noop_commands.
    public var isNoOperation: @Sendable (String) async -> Bool
    /// True for clients of smtpd_client_event_limit_exceptions.
    public var isExempt: @Sendable (ClientIdentity) async -> Bool
    /// True for clients of smtpd_sasl_exceptions_networks.
    public var isSASLException: @Sendable (ClientIdentity) async -> Bool = { _ in false }
    /// True for clients of smtpd_forbid_bare_newline_exclusions.
    public var toleratesBareNewline: @Sendable (ClientIdentity) async -> Bool = { _ in false }
    /// smtpd_command_filter: what replaces a command line; nil inside for no change, nil when the table fails.
    public var commandFilter: (@Sendable (String) async -> String??)?
    /// True for clients of smtpd_authorized_verp_clients.
    public var mayUseVERP: @Sendable (ClientIdentity) async -> Bool = { _ in false }
    /// True for clients of smtpd_authorized_xclient_hosts.
    public var mayUseXClient: @Sendable (ClientIdentity) async -> Bool = { _ in false }
    /// True for clients of smtpd_authorized_xforward_hosts.
    public var mayUseXForward: @Sendable (ClientIdentity) async -> Bool = { _ in false }
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
        isNoOperation: @escaping @Sendable (String) async -> Bool = { _ in false },
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
