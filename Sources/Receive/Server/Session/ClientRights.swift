import Lookup
import MailSyntax

/// What lists in main.cf allow a client, asked once when it connects and again after XCLIENT.
struct ClientRights {
    /// smtpd_sasl_exceptions_networks; here and below nil when a table could not answer.
    var isSASLException: Bool? = false
    var mayUseVERP: Bool? = false
    var mayUseXClient: Bool? = false
    var mayUseXForward: Bool? = false
    /// EHLO keywords that are not announced, in lower case.
    var discardedKeywords: Set<String>?
    /// smtpd_discard_ehlo_keyword_address_maps could not answer.
    var keywordsFailed = false

    nonisolated(nonsending) init(of client: ClientIdentity, _ environment: ServerEnvironment) async {
        isSASLException = await environment.isSASLException(client)
        mayUseVERP = await environment.mayUseVERP(client)
        mayUseXClient = await environment.mayUseXClient(client)
        mayUseXForward = await environment.mayUseXForward(client)
        guard let lookup = environment.discardedKeywords else { return }
        guard let answer = await lookup(client) else {
            keywordsFailed = true
            discardedKeywords = []
            return
        }
        if let answer { discardedKeywords = Self.keywords(answer) }
    }

    /// Before the client is known.
    init() {}

    /// The words of a list of keywords, in lower case.
    static func keywords(_ list: String) -> Set<String> { Set(ListSyntax.split(list).map(ASCII.lowercased)) }

    /// Keywords that can be discarded, in the order of the log line about them.
    static let order = [
        "8bitmime", "auth", "etrn", "pipelining", "size", "vrfy", "xclient", "xforward", "starttls",
        "enhancedstatuscodes", "dsn", "smtputf8", "chunking",
    ]
    /// Says that the log need not tell of discarded keywords.
    static let silence = "silent-discard"
}

extension SMTPSession {
    /// EHLO keywords that this client is not told of.
    var discardedKeywords: Set<String> { rights.discardedKeywords ?? settings.discardedKeywords }

    /// A table that a command depends on could not answer: the session ends, and the client may come again.
    /// - Parameter what: what is not known of the client, up to its name.
    func localDataError(_ what: String) -> Outcome {
        log.warning("don't know \(what) \(clientText)")
        return Outcome(localDataRefusal())
    }

    func localDataRefusal() -> ServerReply {
        let reply = ServerReply(421, "4.3.0", "\(settings.myhostname) Server local data error")
        log.info("\(facts.queueID ?? "NOQUEUE"): reject: \(facts.stage) from \(clientText): \(reply.text)")
        return reply
    }
}
