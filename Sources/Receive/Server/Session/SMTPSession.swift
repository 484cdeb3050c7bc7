import MailSyntax
import MailSystem

/// The SMTP dialogue of one client (RFC 5321), without its connection: it takes command lines and content and answers
/// with replies. Used from one task at a time.
public final class SMTPSession {
    let settings: ServerSettings
    let environment: ServerEnvironment
    let log: MailLog
    public internal(set) var facts: SessionFacts
    var memory = RestrictionMemory()
    var transaction: MailTransaction?
    var statistics = CommandStatistics()
    var errors = 0
    var junk = 0
    var tlsComment: [String] = []
    /// The client list has refused the client: everything but QUIT is refused.
    var accessIsDenied = false
    var pipeliningWasLogged = false
    var hadBareNewline = false
    var hasNotedDigest = false
    /// Counted by anvil: the end of the session must be told.
    var isCounted = false
    /// What the log says about the end of the session, when not a QUIT.
    private var endIsLogged = false
    var authentication: AuthenticationExchange?
    /// smtpd_client_event_limit_exceptions.
    var isExempt = false
    var rights = ClientRights()
    var onlyRecipient: String?
    /// Why the chunk that is being read is refused.
    var refusedChunk: ServerReply?
    /// An earlier chunk was refused: the others of the message too.
    var chunksFailed = false
    /// A command that waits for more from the client: counted when the session ends in it.
    private var unfinished: CommandName?
    /// smtpd_forbid_bare_newline for this client.
    public private(set) var bareNewline: BareNewlinePolicy
    private(set) var isEncrypted = false
    private var transcript: Transcript?
    private var troubles: TroubleClasses = []
    private var nextInstance: UInt32 = 0

    public init(facts: SessionFacts, settings: ServerSettings, environment: ServerEnvironment) {
        self.facts = facts
        self.settings = settings
        self.environment = environment
        log = environment.log
        bareNewline = settings.bareNewline
        if !settings.notifyClasses.isEmpty, environment.noticeTrouble != nil { transcript = Transcript() }
    }

    // MARK: Transcript

    /// A reply has gone to the client.
    public func noteSent(_ step: SessionStep) {
        guard transcript != nil else { return }
        for reply in [step.reply, step.farewell] { if let reply { transcript?.sent(reply) } }
    }

    /// A message is safe: what came before no longer matters.
    func forgetTroubles() {
        troubles = []
        transcript?.clear()
    }

    private nonisolated(nonsending) func noticeTroubles(_ reason: String?) async {
        guard let transcript, !troubles.isDisjoint(with: settings.notifyClasses) else { return }
        await environment.noticeTrouble?(facts.client.nameAndAddress, transcript.notice(reason: reason))
    }

    /// `name[address]`, with the port when smtpd_client_port_logging asks for it.
    var clientText: String {
        settings.logsClientPort ? "\(facts.client.nameAndAddress):\(facts.client.port)" : facts.client.nameAndAddress
    }

    // MARK: Begin

    public func logConnect() { log.info("connect from \(clientText)") }

    /// A command line past line_length_limit.
    public func logLongLine(_ bytes: [UInt8]) {
        let start = String(decoding: bytes.prefix(30), as: UTF8.self)
        log.warning("\(clientText): request longer than \(settings.lineLimit): \(start)...")
    }

    /// The greeting, or why there is none.
    /// - Parameter pending: what the client has sent without waiting for it.
    nonisolated(nonsending) public func greet(pending: [UInt8] = []) async -> SessionStep {
        if bareNewline != .allow, await environment.toleratesBareNewline(facts.client) { bareNewline = .allow }
        rights = await ClientRights(of: facts.client, environment)
        if let refusal = await connectionLimitRefusal() { return SessionStep(refusal, next: .close) }
        if !settings.delaysReject {
            let verdict = await check(.connect)
            if verdict.hangUp { return SessionStep(nil, next: .close) }
            if let refusal = verdict.refusal {
                accessIsDenied = true
                errors += 1
                return closing(SessionStep(refusal))
            }
        }
        if let step = judgeEarlyTalk(pending) { return step }
        return SessionStep(ServerReply(220, nil, settings.banner))
    }

    // MARK: Commands

    /// Judges one command line.
    /// - Parameters:
    ///   - line: without its line end.
    ///   - bareNewline: the line ended in LF without CR.
    ///   - pending: what the client has sent behind the line, escaped for the log; empty when nothing.
    nonisolated(nonsending) public func command(
        _ line: [UInt8], bareNewline: Bool, pending: [UInt8]
    ) async -> SessionStep {
        if bareNewline, let step = judgeBareNewline() { return step }
        var text = line.prefix { $0 != 0 }
        transcript?.received(text)
        if let filter = environment.commandFilter, let plain = String(validating: text, as: UTF8.self) {
            guard let found = await filter(plain) else { return closing(SessionStep(localDataRefusal())) }
            if let found {
                let (old, new) = (plain.utf8.prefix(100), found.utf8.prefix(100))
                log.info(
                    "\(facts.client.nameAndAddress): replacing command \"\(String(decoding: old, as: UTF8.self))\" with "
                        + "\"\(String(decoding: new, as: UTF8.self))\"")
                text = Array(found.utf8)[...]
            }
        }
        if let isNoOperation = environment.isNoOperation, let verb = Self.verb(of: text), await isNoOperation(verb) {
            return await finish(Replies.ok, name: .noop, ok: true, counts: false)
        }
        let parsed = SMTPCommandParser.parse(text)
        var name = Self.name(of: parsed)
        if name == .unknown, case .success(.unknown) = parsed, let step = await nonSMTP(text) { return step }
        if case .failure(.notUTF8) = parsed, !settings.smtpUTF8 { name = .unknown }
        facts.stage = name.stage
        if let step = judgePipelining(name, pending: pending) { return step }

        if settings.tlsLevel == .encrypt, !isEncrypted, !name.isAllowedBeforeTLS {
            return await finish(ServerReply(530, "5.7.0", "Must issue a STARTTLS command first"), name: name, ok: false)
        }
        if accessIsDenied, name != .quit {
            let reply = ServerReply(503, "5.7.0", "Error: access denied for \(facts.client.nameAndAddress)")
            return await finish(reply, name: name, ok: false)
        }
        let outcome = await perform(parsed, name)
        return await finish(outcome, name: name)
    }

    /// What a command came to: the reply, and whether it counts as an error.
    struct Outcome {
        var reply: ServerReply?
        var next = SessionStep.Next.command
        var ok: Bool
        var isError: Bool

        init(_ reply: ServerReply?, next: SessionStep.Next = .command, ok: Bool? = nil) {
            self.reply = reply
            self.next = next
            self.ok = ok ?? (reply.map { !$0.isRejection } ?? false)
            isError = !self.ok
        }
    }

    private nonisolated(nonsending) func perform(
        _ parsed: Result<SMTPCommand, SMTPCommandError>, _ name: CommandName
    ) async -> Outcome {
        switch parsed {
        case .failure(.notUTF8): return Outcome(Replies.badUTF8)
        case .failure(.empty): return Outcome(Replies.badSyntax)
        case .failure(.syntax): return await malformed(name)
        case .success(let command): return await perform(command)
        }
    }

    private nonisolated(nonsending) func perform(_ command: SMTPCommand) async -> Outcome {
        switch command {
        case .helo(let host): await hello(host, extended: false)
        case .ehlo(let host): await hello(host, extended: true)
        case .mail(let path, let parameters): await mail(path, parameters)
        case .rcpt(let path, let parameters): await recipient(path, parameters)
        case .data: await data()
        case .bdat(let size, let isLast): await chunk(size: size, isLast: isLast)
        case .reset: await reset()
        case .noop: Outcome(Replies.ok)
        case .verify(let address): await verify(address)
        case .etrn(let domain): await turn(domain)
        case .quit: Outcome(Replies.bye, next: .close)
        case .startTLS: await startTLS()
        case .auth(let mechanism, let response): await authenticate(mechanism, initialResponse: response)
        case .xclient(let words): await impersonate(words)
        case .xforward(let words): await forward(words)
        case .help, .unknown: Outcome(Replies.notRecognized)
        }
    }

    private static func name(of parsed: Result<SMTPCommand, SMTPCommandError>) -> CommandName {
        switch parsed {
        case .failure(.syntax(let verb)): CommandName(verb: verb)
        case .failure: .unknown
        case .success(let command):
            switch command {
            case .helo: .helo
            case .ehlo: .ehlo
            case .mail: .mail
            case .rcpt: .rcpt
            case .data: .data
            case .bdat: .bdat
            case .reset: .rset
            case .noop: .noop
            case .verify: .vrfy
            case .etrn: .etrn
            case .quit: .quit
            case .startTLS: .starttls
            case .auth: .auth
            case .xclient: .xclient
            case .xforward: .xforward
            case .help, .unknown: .unknown
            }
        }
    }

    // MARK: Replies

    private nonisolated(nonsending) func finish(
        _ reply: ServerReply, name: CommandName, ok: Bool, counts: Bool = true
    ) async -> SessionStep {
        await finish(Outcome(reply, ok: ok), name: name, counts: counts)
    }

    /// Counts the command and turns its outcome into a step.
    nonisolated(nonsending) func finish(
        _ outcome: Outcome, name: CommandName, counts: Bool = true
    ) async -> SessionStep {
        var step = SessionStep(outcome.reply, next: outcome.next)
        // smtpd_error_sleep_time: the errors before this command count.
        if errors >= settings.softErrorLimit { step.delay = settings.errorSleep }
        switch outcome.next {
        case .data, .chunk, .authentication, .startTLS: unfinished = name
        case .command, .close:
            unfinished = nil
            if counts { statistics.count(name, accepted: outcome.ok) }
            if outcome.isError { errors += 1 }
        }
        if name.isJunk || !counts {
            junk += 1
            if junk > settings.junkLimit &+ 1 { errors += 1 }
        }
        return closing(step)
    }

    /// Applies soft_bounce and the footer, ends the session for 421, 521 and too many errors.
    func closing(_ step: SessionStep) -> SessionStep {
        var step = step
        if let reply = step.reply {
            troubles.formUnion(TroubleClasses(of: reply))
            let softened = settings.softBounce ? reply.softened : reply
            if softened.code == 421 || softened.code == 521 { step.next = .close }
            step.reply = footed(softened)
        }
        if step.next == .command, errors >= settings.hardErrorLimit {
            log.info("too many errors after \(facts.stage) from \(clientText)")
            endIsLogged = true
            step.farewell = footed(
                ServerReply(421, "4.7.0", "\(settings.myhostname) Error: too many errors"))
            step.next = .close
        }
        return step
    }

    // MARK: End

    public enum End: Sendable, Equatable {
        case quit
        case lost
        case timeout
    }

    /// The reply to a client that was silent for too long.
    public var timeoutReply: ServerReply {
        ServerReply(421, "4.4.2", "\(settings.myhostname) Error: timeout exceeded")
    }

    /// The connection is over: drops an unfinished message and logs.
    nonisolated(nonsending) public func end(_ end: End) async {
        authentication?.exchange.abort()
        authentication = nil
        if !endIsLogged, facts.stage != "END-OF-MESSAGE" {
            let readsContent =
                facts.stage == CommandName.bdat.stage
                ? transaction?.chunks == .receiving : unfinished == .data
            let place = readsContent ? "\(facts.stage) (\(transaction?.size ?? 0) bytes)" : facts.stage
            switch end {
            case .quit: break
            case .lost: log.info("lost connection after \(place) from \(clientText)")
            case .timeout: log.info("timeout after \(place) from \(clientText)")
            }
        }
        if let unfinished { statistics.count(unfinished, accepted: false) }
        await abandonTransaction()
        await countDisconnect()
        await noticeTroubles(endReason(end))
        let notes = hadBareNewline ? " notes=bare_lf" : ""
        log.info("disconnect from \(clientText)\(statistics.text)\(notes)")
    }

    private func endReason(_ end: End) -> String? {
        switch end {
        case .quit: errors >= settings.hardErrorLimit ? "too many errors" : nil
        case .lost: "lost connection"
        case .timeout: "timeout"
        }
    }

    nonisolated(nonsending) func abandonTransaction() async {
        let message = transaction?.message
        transaction = nil
        facts.sender = nil
        facts.recipient = nil
        facts.recipientCount = 0
        facts.size = 0
        facts.queueID = nil
        facts.smtpUTF8 = false
        facts.forwarded = nil
        onlyRecipient = nil
        memory.mail = [:]
        await message?.abort()
    }

    /// TLS is on: what was said before is forgotten (RFC 3207 §4.2).
    nonisolated(nonsending) public func becomeEncrypted(
        _ tls: TLSFacts, receivedComment: [String], isResumed: Bool
    ) async {
        isEncrypted = true
        if unfinished == .starttls {
            statistics.count(.starttls, accepted: true)
            unfinished = nil
        }
        if !isResumed { await countNewTLSSession() }
        facts.tls = tls
        tlsComment = receivedComment
        facts.helo = nil
        memory = RestrictionMemory()
        await abandonTransaction()
    }

    func newInstance() -> String {
        nextInstance &+= 1
        let now = environment.clock.now()
        return "\(String(now.seconds, radix: 16)).\(String(now.microseconds, radix: 16)).\(facts.client.port)."
            + String(nextInstance, radix: 16)
    }
}
