import Configuration
import MailSyntax

/// How lines that end in a bare LF are treated: postconf(5) smtpd_forbid_bare_newline.
public enum BareNewlinePolicy: Sendable, Equatable {
    /// Any LF ends a line, and a line with a lone dot ends the message.
    case allow
    /// Only CR LF . CR LF ends the message; elsewhere a bare LF counts as CR LF.
    case normalize
    /// As `normalize`, and the log tells of it.
    case note
    /// The message is refused; a command ends the session.
    case reject

    init(_ value: String) {
        switch ASCII.lowercased(value) {
        case "yes", "normalize": self = .normalize
        case "reject": self = .reject
        case "note": self = .note
        default: self = .allow
        }
    }
}

/// smtpd_tls_security_level, or the old smtpd_use_tls and smtpd_enforce_tls.
public enum ServerTLSLevel: Int, Sendable, Comparable {
    case none, may, encrypt

    public static func < (left: ServerTLSLevel, right: ServerTLSLevel) -> Bool { left.rawValue < right.rawValue }

    init(_ parameters: Parameters) {
        switch ASCII.lowercased(parameters["smtpd_tls_security_level"]) {
        case "none": self = .none
        case "may": self = .may
        case "encrypt", "dane", "dane-only", "fingerprint", "verify", "secure": self = .encrypt
        default:
            if parameters.bool("smtpd_enforce_tls") {
                self = .encrypt
            } else {
                self = parameters.bool("smtpd_use_tls") ? .may : .none
            }
        }
    }
}

/// The parameters of one smtpd service that the dialogue needs, read once per generation.
public struct ServerSettings: Sendable {
    public let service: String
    public let myhostname: String
    public let mailName: String
    public let banner: String
    public let helloIsRequired: Bool
    public let delaysReject: Bool
    public let delaysOpen: Bool
    public let verifyIsDisabled: Bool
    public let smtpUTF8: Bool
    let oldDefaults: CompatibilityDefaults
    public let strictEnvelopes: Bool
    /// allow_min_user
    public let allowsMinusUser: Bool
    public let strict8bitMIME: Bool
    public let softBounce: Bool
    public let allowsUntrustedRouting: Bool
    public let discardedKeywords: Set<String>
    public let forbidsEarlyPipelining: Bool
    public let bareNewline: BareNewlinePolicy
    public let bareNewlineCode: Int
    public let logsClientPort: Bool
    public let looksUpNames: Bool
    public let rejectFooter: String
    /// default_verp_delimiters and verp_delimiter_filter.
    public let verpDelimiters: String
    public let verpFilter: String

    // Limits
    public let recipientLimit: Int
    public let recipientOvershoot: Int
    public let softErrorLimit: Int
    public let hardErrorLimit: Int
    public let junkLimit: Int
    /// Seconds.
    public let errorSleep: Int
    public let timeout: Int
    public let startTLSTimeout: Int
    /// smtpd_per_request_deadline: `timeout` is for a whole command or reply, not for each read.
    public let limitsRequests: Bool
    /// smtpd_min_data_rate: bytes of content that buy another second of the deadline; 0: none.
    public let minimumDataRate: Int
    /// Bytes; 0: none.
    public let messageSizeLimit: Int
    public let queueMinimumFree: Int
    public let lineLimit: Int

    // TLS and SASL
    public let tlsLevel: ServerTLSLevel
    public let wrapsTLS: Bool
    public let tlsLogLevel: Int
    public let tlsAuthOnly: Bool
    public let tlsReceivedHeader: Bool
    public let saslIsEnabled: Bool
    public let saslHeader: Bool
    public let brokenSASLClients: Bool
    public let sasl: SASLSettings
    /// notify_classes
    let notifyClasses: TroubleClasses
    public let requiresClientCertificate: Bool

    // Rates; 0: none.
    public let connectionCountLimit: Int
    public let connectionRateLimit: Int
    public let messageRateLimit: Int
    public let recipientRateLimit: Int
    public let newTLSRateLimit: Int
    public let authRateLimit: Int

    public init(_ parameters: Parameters, service: String) {
        self.service = service
        myhostname = parameters["myhostname"]
        mailName = parameters["mail_name"]
        banner = parameters["smtpd_banner"]
        helloIsRequired = parameters.bool("smtpd_helo_required")
        delaysReject = parameters.bool("smtpd_delay_reject")
        delaysOpen = parameters.bool("smtpd_delay_open_until_valid_rcpt")
        verifyIsDisabled = parameters.bool("disable_vrfy_command")
        oldDefaults = CompatibilityDefaults(parameters)
        smtpUTF8 = parameters.bool("smtputf8_enable")
        strictEnvelopes = parameters.bool("strict_rfc821_envelopes")
        allowsMinusUser = parameters.bool("allow_min_user")
        strict8bitMIME = parameters.bool("strict_8bitmime") || parameters.bool("strict_7bit_headers")
        softBounce = parameters.bool("soft_bounce")
        allowsUntrustedRouting = parameters.bool("allow_untrusted_routing")
        discardedKeywords = ClientRights.keywords(parameters["smtpd_discard_ehlo_keywords"])
        forbidsEarlyPipelining = parameters.bool("smtpd_forbid_unauth_pipelining")
        bareNewline = BareNewlinePolicy(parameters["smtpd_forbid_bare_newline"])
        bareNewlineCode = parameters.int("smtpd_forbid_bare_newline_reject_code")
        logsClientPort = parameters.bool("smtpd_client_port_logging")
        looksUpNames = parameters.bool("smtpd_peername_lookup")
        rejectFooter = parameters["smtpd_reject_footer"]
        verpDelimiters = parameters["default_verp_delimiters"]
        verpFilter = parameters["verp_delimiter_filter"]
        recipientLimit = parameters.int("smtpd_recipient_limit")
        recipientOvershoot = parameters.int("smtpd_recipient_overshoot_limit")
        softErrorLimit = parameters.int("smtpd_soft_error_limit")
        hardErrorLimit = parameters.int("smtpd_hard_error_limit")
        junkLimit = parameters.int("smtpd_junk_command_limit")
        errorSleep = parameters.seconds("smtpd_error_sleep_time")
        timeout = max(1, parameters.seconds("smtpd_timeout"))
        startTLSTimeout = max(1, parameters.seconds("smtpd_starttls_timeout"))
        limitsRequests =
            parameters.bool("smtpd_per_request_deadline") || parameters.bool("smtpd_per_record_deadline")
        minimumDataRate = parameters.int("smtpd_min_data_rate")
        messageSizeLimit = parameters.int("message_size_limit")
        queueMinimumFree = parameters.int("queue_minfree")
        lineLimit = max(16, parameters.int("line_length_limit"))
        let wraps = parameters.bool("smtpd_tls_wrappermode")
        wrapsTLS = wraps
        tlsLevel = wraps ? .encrypt : ServerTLSLevel(parameters)
        tlsLogLevel = parameters.int("smtpd_tls_loglevel")
        tlsAuthOnly = parameters.bool("smtpd_tls_auth_only")
        tlsReceivedHeader = parameters.bool("smtpd_tls_received_header")
        saslIsEnabled = parameters.bool("smtpd_sasl_auth_enable")
        saslHeader = parameters.bool("smtpd_sasl_authenticated_header")
        sasl = SASLSettings(parameters)
        notifyClasses = TroubleClasses(parameters.list("notify_classes"))
        brokenSASLClients = parameters.bool("broken_sasl_auth_clients")
        requiresClientCertificate = parameters.bool("smtpd_tls_req_ccert")
        connectionCountLimit = parameters.int("smtpd_client_connection_count_limit")
        connectionRateLimit = parameters.int("smtpd_client_connection_rate_limit")
        messageRateLimit = parameters.int("smtpd_client_message_rate_limit")
        recipientRateLimit = parameters.int("smtpd_client_recipient_rate_limit")
        newTLSRateLimit = parameters.int("smtpd_client_new_tls_session_rate_limit")
        authRateLimit = parameters.int("smtpd_client_auth_rate_limit")
    }

    /// Some rate besides that of connections is limited: connections are then counted too.
    var limitsRates: Bool {
        messageRateLimit > 0 || recipientRateLimit > 0 || newTLSRateLimit > 0 || authRateLimit > 0
    }
}
