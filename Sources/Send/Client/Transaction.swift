/// What the server decided about one recipient.
struct RecipientVerdict: Sendable, Equatable {
    enum Kind: Sendable, Equatable { case sent, bounced, deferred }

    var kind: Kind
    /// RFC 3463 status.
    var status: String
    /// What the log shows in parentheses.
    var text: String
    /// The server's reply, or empty.
    var diagnostic: String
}

/// One message over an established connection: MAIL, RCPT, DATA, content, with as many commands under way as the server
/// and the window allow (RFC 5321 §3.3, RFC 2920, RFC 2033 §4.2).
struct Transaction: Dialogue {
    struct Outcome: Sendable, Equatable {
        /// By index into the envelope's recipients. Those without a verdict may be tried elsewhere.
        var verdicts: [Int: RecipientVerdict] = [:]
        /// In the order of decision.
        var order: [Int] = []
        /// The connection can take another message.
        var isReusable = false
        /// A connection taken from the cache turned out to be dead before it took anything: nothing was decided.
        var wasStale = false
        /// Replies that left recipients to another server, to be logged.
        var softFailures: [String] = []
        /// The server as a whole failed.
        var failure: ServerFailure?
    }

    private enum Expected: Equatable {
        case reset, mail
        /// XFORWARD: what it tells.
        case forward(String)
        case recipient(Int)
        case data, dot, emptyDot
    }
    private enum Next: Equatable { case reset, forward, mail, recipients, data, nothing }

    /// Commands under way. Enough to hide latency; a bound for what a server makes us remember.
    static let window = 100

    let settings: ClientSettings
    let features: ServerFeatures
    let peer: Peer
    let envelope: Envelope
    /// No other server will be tried: what fails now is final for this delivery.
    let isFinal: Bool
    /// Ask only: stop after the recipients, deliver nothing (`sendmail -bv`, address verification).
    let probes: Bool
    private(set) var outcome: Outcome?
    private var result = Outcome()
    private var expected: [Expected] = []
    private var next: Next
    private var nextRecipient = 0
    private var forwards: [OriginalClient.Command]
    private var accepted: [Int] = []
    private var mailFailed = false
    private var sendingContent = false
    private var sawClosing = false
    /// Replies that came before the content was known to be out: a server that is tired of it, or a fast LMTP server.
    private var early: [ServerReply] = []

    /// - Parameter resets: the connection comes from the cache: RSET tells whether it still works.
    init(
        settings: ClientSettings, features: ServerFeatures, peer: Peer, envelope: Envelope, isFinal: Bool,
        resets: Bool, probes: Bool = false
    ) {
        self.settings = settings
        self.features = features
        self.peer = peer
        self.envelope = envelope
        self.isFinal = isFinal
        self.probes = probes
        forwards = envelope.client?.commands(features.xforward) ?? []
        next = resets ? .reset : .forward
    }

    mutating func start() -> [ClientAction] {
        if let limit = features.sizeLimit, limit > 0, envelope.size > limit {
            let text = "message size \(envelope.size) exceeds size limit \(limit) of server \(peer.name)"
            decide(undecided, .init(kind: .bounced, status: "5.3.4", text: text, diagnostic: ""))
            return end()
        }
        if envelope.needsSMTPUTF8, !features.smtpUTF8 {
            let text = "SMTPUTF8 is required, but was not offered by host \(peer.name)"
            decide(undecided, .init(kind: .bounced, status: "5.6.7", text: text, diagnostic: ""))
            return end()
        }
        return advance()
    }

    mutating func receive(_ event: ClientEvent) -> [ClientAction] {
        guard outcome == nil else { return [] }
        switch event {
        case .reply(let reply): return receive(reply)
        case .contentSent:
            sendingContent = false
            return [.expect(settings.timeouts.dataDone)] + receiveEarly()
        case .lost: return broken(ServerFailure.lost)
        case .timedOut: return broken(ServerFailure.timedOut)
        case .secured: return []
        }
    }

    private var undecided: [Int] { envelope.recipients.indices.filter { result.verdicts[$0] == nil } }

    /// Sends what may be sent now.
    private mutating func advance() -> [ClientAction] {
        var commands = ""
        let limit = features.pipelining ? Self.window : 1
        while expected.count < limit, next != .nothing {
            switch next {
            case .reset:
                commands += "RSET\r\n"
                expected.append(.reset)
                next = .forward
            case .forward:
                guard !forwards.isEmpty else {
                    next = .mail
                    continue
                }
                let command = forwards.removeFirst()
                commands += command.line
                expected.append(.forward(command.content))
            case .mail:
                commands += envelope.mailCommand(features)
                expected.append(.mail)
                next = .recipients
            case .recipients:
                guard !mailFailed else {
                    next = .nothing
                    continue
                }
                guard nextRecipient < envelope.recipients.count else {
                    next = .data
                    continue
                }
                commands += envelope.recipientCommand(envelope.recipients[nextRecipient], features)
                expected.append(.recipient(nextRecipient))
                nextRecipient += 1
            case .data:
                next = .nothing
                // Known to be pointless once all recipients have been refused.
                if probes || mailFailed || (expected.isEmpty && accepted.isEmpty) { continue }
                commands += "DATA\r\n"
                expected.append(.data)
            case .nothing: break
            }
        }
        guard let first = expected.first else { return end() }
        let actions: [ClientAction] = commands.isEmpty ? [] : [.send(commands)]
        return actions + [.expect(timeout(first))]
    }

    private func timeout(_ step: Expected) -> Int {
        switch step {
        case .reset: settings.timeouts.reset
        case .forward: settings.timeouts.forward
        case .mail: settings.timeouts.mail
        case .recipient: settings.timeouts.recipient
        case .data: settings.timeouts.dataInit
        case .dot, .emptyDot: settings.timeouts.dataDone
        }
    }

    private mutating func receive(_ reply: ServerReply) -> [ClientAction] {
        if reply.code == 421 { sawClosing = true }
        if sendingContent {
            if early.count < expected.count { early.append(reply) }
            return []
        }
        guard !expected.isEmpty else { return [] }
        switch expected.removeFirst() {
        case .reset:
            guard reply.isPositive else { return stale() }
        case .forward(let content):
            if !reply.isPositive {
                let warning = "host \(peer.nameAndPort) said: \(reply.text) (in reply to XFORWARD \(content) command)"
                return [.warn(warning)] + advance()
            }
        case .mail:
            if !reply.isPositive {
                mailFailed = true
                refuse(undecided, reply, "MAIL FROM command")
            }
        case .recipient(let index):
            if reply.isPositive {
                if probes {
                    let text = reply.text
                    decide([index], .init(kind: .sent, status: reply.status, text: text, diagnostic: text))
                } else if result.verdicts[index] == nil, !mailFailed {
                    accepted.append(index)
                }
            } else if result.verdicts[index] == nil, !mailFailed {
                refuse([index], reply, "RCPT TO command")
            }
        case .data: return data(reply)
        case .dot: return dot(reply)
        case .emptyDot: return end()
        }
        return advance()
    }

    private mutating func data(_ reply: ServerReply) -> [ClientAction] {
        guard reply.code / 100 == 3 else {
            if !accepted.isEmpty { refuse(accepted, reply, "DATA command") }
            return end()
        }
        guard !accepted.isEmpty else {
            // Sent ahead with PIPELINING, then nobody was left (RFC 2920 §3.1).
            expected.append(.emptyDot)
            return [.sendDot, .expect(settings.timeouts.dataDone)]
        }
        expected = Array(repeating: .dot, count: settings.mode == .lmtp ? accepted.count : 1)
        sendingContent = true
        return [.sendContent]
    }

    private mutating func dot(_ reply: ServerReply) -> [ClientAction] {
        let concerned = settings.mode == .lmtp ? Array(accepted.prefix(1)) : accepted
        if settings.mode == .lmtp, !accepted.isEmpty { accepted.removeFirst() }
        if reply.isPositive {
            let verdict = RecipientVerdict(kind: .sent, status: reply.status, text: reply.text, diagnostic: reply.text)
            decide(concerned, verdict)
        } else {
            refuse(concerned, reply, "end of DATA command")
        }
        guard !expected.isEmpty else { return end() }
        return [.expect(settings.timeouts.dataDone)]
    }

    private mutating func decide(_ indices: [Int], _ verdict: RecipientVerdict) {
        for index in indices where result.verdicts[index] == nil {
            result.verdicts[index] = verdict
            result.order.append(index)
        }
    }

    private mutating func refuse(_ indices: [Int], _ reply: ServerReply, _ command: String) {
        let text = "host \(peer.name) said: \(reply.text) (in reply to \(command))"
        if reply.isPermanent {
            decide(indices, .init(kind: .bounced, status: reply.status, text: text, diagnostic: reply.text))
            return
        }
        // Neither success nor failure where one of them was due: as temporary as it gets.
        let status = reply.code / 100 == 4 ? reply.status : "4.5.0"
        if isFinal {
            decide(indices, .init(kind: .deferred, status: status, text: text, diagnostic: reply.text))
        } else {
            result.softFailures.append(text)
        }
    }

    private mutating func receiveEarly() -> [ClientAction] {
        let replies = early
        early = []
        var actions: [ClientAction] = []
        for reply in replies where outcome == nil { actions += receive(reply) }
        return actions
    }

    private mutating func stale() -> [ClientAction] {
        result.wasStale = true
        outcome = result
        return []
    }

    private mutating func broken(_ failure: (Peer, String) -> ServerFailure) -> [ClientAction] {
        if !early.isEmpty {
            // The server said why before it hung up.
            sendingContent = false
            _ = receiveEarly()
            if outcome != nil {
                outcome?.isReusable = false
                return []
            }
        }
        if expected.contains(.reset) { return stale() }
        let doing: String
        if sendingContent {
            doing = "sending message body"
        } else {
            switch expected.first {
            case .forward: doing = "sending XFORWARD"
            case .mail, .reset, nil: doing = "sending MAIL FROM"
            case .recipient: doing = "sending RCPT TO"
            case .data: doing = "sending DATA command"
            case .dot, .emptyDot: doing = "sending end of data -- message may be sent more than once"
            }
        }
        let failure = failure(peer, doing)
        result.failure = failure
        if isFinal {
            decide(
                undecided, .init(kind: .deferred, status: failure.status, text: failure.reason, diagnostic: ""))
        } else if !undecided.isEmpty {
            result.softFailures.append(failure.reason)
        }
        outcome = result
        return []
    }

    private mutating func end() -> [ClientAction] {
        result.isReusable = !sawClosing
        outcome = result
        return []
    }
}
