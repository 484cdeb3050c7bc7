import Configuration
import MailSyntax

enum ClientMode: String, Sendable { case smtp, lmtp }

/// Security levels of outgoing connections that are supported.
enum TLSLevel: Sendable, Equatable {
    case none, may, encrypt
    /// The certificate must be good for the server's name, which came from the DNS.
    case verify
    /// The certificate must be good for the next hop's name.
    case secure

    var isMandatory: Bool { self != .none && self != .may }
    var verifies: Bool { self == .verify || self == .secure }
}

/// The smtp_… or lmtp_… parameters of one service.
struct ClientSettings: Sendable {
    struct Timeouts: Sendable {
        var connect = 30
        var helo = 300
        var startTLS = 300
        var mail = 300
        var recipient = 300
        var dataInit = 120
        var dataTransfer = 180
        var dataDone = 600
        var forward = 300
        var reset = 20
        var quit = 300
    }

    var mode = ClientMode.smtp
    var timeouts = Timeouts()
    var myHostname = "localhost"
    var heloName = "localhost"
    var alwaysSendsEHLO = true
    var neverSendsEHLO = false
    var skips5xxGreeting = true
    var discardedKeywords: Set<String> = []
    var discardsSilently = false
    var lineLengthLimit = 998
    /// line_length_limit: bytes that are kept of a line of a reply.
    var replyLineLimit = 2048
    var assumesFinalDelivery = false
    var convertsEightBit = true
    var sendsXForward = false

    var tlsLevel = TLSLevel.none
    /// A level that can't be kept, such as fingerprint: mail waits, nothing goes out less safe than asked for.
    var unsupportedTLSLevel = ""
    /// smtp_tls_verify_cert_match and smtp_tls_secure_cert_match: `hostname`, `nexthop`, `dot-nexthop`, names.
    var certificateNames: [String] = []
    var wrapperMode = false
    var notesSTARTTLSOffer = false
    var tlsLogLevel = 0
    var tlsServerName = ""
    var reusesTLS = false
    /// Messages younger than this are not sent in plaintext after a failed TLS handshake.
    var minimalBackoff = 300

    var port = 25
    var addressLimit = 5
    var sessionLimit = 2
    var randomizes = true
    var balancesFamilies = true
    var addressPreference = "any"
    var defersWithoutMXAddress = false
    var ignoresMXLookupErrors = false
    var looksUpDNS = true
    var fallbackRelays: [String] = []
    var bestMXTransport = ""
    var bindAddress = ""
    var bindAddress6 = ""

    var cacheTimeLimit = 2
    var reuseTimeLimit = 300
    var reuseCountLimit = 0
    var cachesOnDemand = true
    var softBounce = false
    var delayResolution = 2

    init() {}
}

extension ClientSettings {
    /// - Parameter program: `smtp` or `lmtp`: selects the set of parameters.
    init(_ parameters: Parameters, program: String) {
        mode = program == "lmtp" ? .lmtp : .smtp
        let prefix = mode.rawValue
        func name(_ suffix: String) -> String { "\(prefix)_\(suffix)" }
        func seconds(_ suffix: String) -> Int { parameters.seconds(name(suffix)) }

        timeouts = Timeouts(
            connect: seconds("connect_timeout"), helo: seconds(mode == .lmtp ? "lhlo_timeout" : "helo_timeout"),
            startTLS: seconds("starttls_timeout"), mail: seconds("mail_timeout"), recipient: seconds("rcpt_timeout"),
            dataInit: seconds("data_init_timeout"), dataTransfer: seconds("data_xfer_timeout"),
            dataDone: seconds("data_done_timeout"), forward: seconds("xforward_timeout"),
            reset: seconds("rset_timeout"), quit: seconds("quit_timeout"))
        myHostname = parameters["myhostname"]
        heloName = parameters[mode == .lmtp ? "lmtp_lhlo_name" : "smtp_helo_name"]
        if heloName.isEmpty { heloName = myHostname }
        if mode == .smtp {
            alwaysSendsEHLO = parameters.bool("smtp_always_send_ehlo")
            neverSendsEHLO = parameters.bool("smtp_never_send_ehlo")
        }
        skips5xxGreeting = parameters.bool(name("skip_5xx_greeting"))
        let keywords = parameters.list(name(mode == .lmtp ? "discard_lhlo_keywords" : "discard_ehlo_keywords"))
            .map { ASCII.lowercased($0) }
        discardsSilently = keywords.contains("silent-discard")
        discardedKeywords = Set(keywords).subtracting(["silent-discard"])
        lineLengthLimit = parameters.int(name("line_length_limit"))
        replyLineLimit = max(parameters.int("line_length_limit"), 16)
        assumesFinalDelivery = mode == .lmtp && parameters.bool("lmtp_assume_final")
        convertsEightBit = !parameters.bool("disable_mime_output_conversion")
        sendsXForward = parameters.bool(name("send_xforward_command"))
        softBounce = parameters.bool("soft_bounce")
        delayResolution = parameters.int("delay_logging_resolution_limit")
        readTLS(parameters, prefix)
        readRouting(parameters, prefix)
        cacheTimeLimit = seconds("connection_cache_time_limit")
        reuseTimeLimit = seconds("connection_reuse_time_limit")
        reuseCountLimit = parameters.int(name("connection_reuse_count_limit"))
        cachesOnDemand = parameters.bool(name("connection_cache_on_demand"))
    }

    private mutating func readTLS(_ parameters: Parameters, _ prefix: String) {
        switch ASCII.lowercased(parameters["\(prefix)_tls_security_level"]) {
        case "none": tlsLevel = .none
        // Without DNSSEC, dane is what it falls back to.
        case "may", "dane": tlsLevel = .may
        case "" where parameters.bool("\(prefix)_enforce_tls"):
            tlsLevel = parameters.bool("\(prefix)_tls_enforce_peername") ? .verify : .encrypt
        case "": tlsLevel = parameters.bool("\(prefix)_use_tls") ? .may : .none
        case "encrypt": tlsLevel = .encrypt
        case "verify": tlsLevel = .verify
        case "secure": tlsLevel = .secure
        case let other: unsupportedTLSLevel = other
        }
        wrapperMode = tlsLevel.isMandatory && parameters.bool("\(prefix)_tls_wrappermode")
        notesSTARTTLSOffer = parameters.bool("\(prefix)_tls_note_starttls_offer")
        tlsLogLevel = Int(parameters["\(prefix)_tls_loglevel"]) ?? 0
        tlsServerName = parameters["\(prefix)_tls_servername"]
        let match =
            tlsLevel == .secure ? "\(prefix)_tls_secure_cert_match" : "\(prefix)_tls_verify_cert_match"
        certificateNames = parameters[match].split { " ,:\t".contains($0) }.map(String.init)
        reusesTLS = parameters.bool("\(prefix)_tls_connection_reuse")
        minimalBackoff = parameters.seconds("minimal_backoff_time")
    }

    private mutating func readRouting(_ parameters: Parameters, _ prefix: String) {
        port = ServicePort.number(parameters["\(prefix)_tcp_port"]) ?? (mode == .lmtp ? 24 : 25)
        addressLimit = parameters.int("\(prefix)_mx_address_limit")
        sessionLimit = parameters.int("\(prefix)_mx_session_limit")
        randomizes = parameters.bool("\(prefix)_randomize_addresses")
        balancesFamilies = parameters.bool("\(prefix)_balance_inet_protocols")
        addressPreference = ASCII.lowercased(parameters["\(prefix)_address_preference"])
        if mode == .smtp {
            defersWithoutMXAddress = parameters.bool("smtp_defer_if_no_mx_address_found")
            ignoresMXLookupErrors = parameters.bool("ignore_mx_lookup_error")
        }
        looksUpDNS =
            !parameters.bool("disable_dns_lookups")
            && ASCII.lowercased(parameters["\(prefix)_dns_support_level"]) != "disabled"
        fallbackRelays = parameters.list("\(prefix)_fallback_relay")
        bestMXTransport = parameters["best_mx_transport"]
        bindAddress = parameters["\(prefix)_bind_address"]
        bindAddress6 = parameters["\(prefix)_bind_address6"]
    }
}

extension ClientSettings {
    /// Names of which a server's certificate must have one.
    /// - Parameters:
    ///   - host: the server's name.
    ///   - nexthop: the domain or host of the destination.
    func certificateNames(host: String, nexthop: String) -> [String] {
        guard tlsLevel.verifies else { return [] }
        return certificateNames.map { word in
            switch word {
            case "hostname": host
            case "nexthop": nexthop
            case "dot-nexthop": ".\(nexthop)"
            default: word
            }
        }
    }
}
