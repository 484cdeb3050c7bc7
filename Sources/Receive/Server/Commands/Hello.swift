import MailSyntax

/// HELO, EHLO, RSET, and arguments that are no arguments.
extension SMTPSession {
    nonisolated(nonsending) func hello(_ host: String, extended: Bool) async -> Outcome {
        let previous = facts.helo
        facts.helo = Self.cleaned(host)
        if !settings.delaysReject {
            let verdict = await check(.helo)
            if let refused = outcome(verdict) {
                facts.helo = previous
                return refused
            }
        }
        // Who has said EHLO is known to speak ESMTP.
        if extended { facts.protocolName = "ESMTP" }
        await abandonTransaction()
        guard extended else { return Outcome(ServerReply(250, nil, settings.myhostname)) }
        if let unknown = unknownFeature {
            return localDataError(unknown)
        }
        let lines = await extensions()
        let hidden = ClientRights.order.filter(discardedKeywords.contains).map(ASCII.uppercased)
        if !hidden.isEmpty, !discardedKeywords.contains(ClientRights.silence) {
            log.info("discarding EHLO keywords: \(hidden.joined(separator: " "))")
        }
        return Outcome(ServerReply(250, lines: [settings.myhostname] + lines))
    }

    /// What of the EHLO lines depends on a table that could not answer.
    private var unknownFeature: String? {
        if rights.keywordsFailed { return "what EHLO features to announce to" }
        let features = [
            ("AUTH", rights.isSASLException), ("XVERP", rights.mayUseVERP), ("XCLIENT", rights.mayUseXClient),
            ("XFORWARD", rights.mayUseXForward),
        ]
        return features.first { $0.1 == nil }.map { "if EHLO feature \($0.0) should be announced to" }
    }

    /// The EHLO lines, in Postfix's order.
    private nonisolated(nonsending) func extensions() async -> [String] {
        var lines: [String] = []
        let discarded = discardedKeywords
        func offer(_ keyword: String, _ line: String? = nil, when condition: Bool = true) {
            if condition, !discarded.contains(keyword) {
                lines.append(line ?? ASCII.uppercased(keyword))
            }
        }
        offer("pipelining")
        offer("size", settings.messageSizeLimit > 0 ? "SIZE \(settings.messageSizeLimit)" : "SIZE")
        offer("vrfy", when: !settings.verifyIsDisabled)
        offer("etrn")
        offer("starttls", when: settings.tlsLevel >= .may && environment.offersTLS && facts.tls == nil)
        let mechanisms = await offeredMechanisms()
        if !mechanisms.isEmpty {
            let list = mechanisms.joined(separator: " ")
            offer("auth", "AUTH \(list)")
            offer("auth", "AUTH=\(list)", when: settings.brokenSASLClients)
        }
        // There is no keyword that hides XVERP.
        if rights.mayUseVERP == true { lines.append("XVERP") }
        if rights.mayUseXClient == true {
            offer("xclient", "XCLIENT \(ClientAttributes.client.joined(separator: " "))")
        }
        if rights.mayUseXForward == true {
            offer("xforward", "XFORWARD \(ClientAttributes.forward.joined(separator: " "))")
        }
        offer("enhancedstatuscodes")
        offer("8bitmime")
        offer("dsn")
        offer("smtputf8", when: settings.smtpUTF8)
        offer("chunking")
        return lines
    }

    /// Characters that have a meaning in log lines and headers become `?`.
    static func cleaned(_ host: String) -> String {
        let bytes = host.utf8.map { byte -> UInt8 in
            switch byte {
            case 0x20, 0x3C, 0x3E, 0x28, 0x29, 0x5C, 0x22, 0x3B, 0x40, 0..<0x20, 0x7F: 0x3F
            default: byte
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    nonisolated(nonsending) func reset() async -> Outcome {
        await abandonTransaction()
        return Outcome(Replies.ok)
    }

    /// A known verb with wrong arguments.
    nonisolated(nonsending) func malformed(_ name: CommandName) async -> Outcome {
        switch name {
        case .helo: Outcome(ServerReply(501, nil, "Syntax: HELO hostname"))
        case .ehlo: Outcome(ServerReply(501, nil, "Syntax: EHLO hostname"))
        case .mail: Outcome(mailOrderProblem() ?? Replies.syntax("MAIL FROM:<address>"))
        case .rcpt: Outcome(recipientOrderProblem() ?? Replies.syntax("RCPT TO:<address>"))
        case .data: Outcome(await dataOrderProblem() ?? Replies.syntax("DATA"))
        case .bdat: malformedChunk()
        case .rset: Outcome(Replies.syntax("RSET"))
        case .vrfy: Outcome(verifyProblem() ?? Replies.syntax(verifySyntax))
        case .etrn: Outcome(etrnOrderProblem() ?? ServerReply(500, nil, "Syntax: ETRN domain"))
        case .starttls: Outcome(Replies.syntax("STARTTLS"))
        case .auth: Outcome(authOrderProblem() ?? Replies.syntax("AUTH mechanism"))
        case .xclient, .xforward: Outcome(impersonationProblem ?? Replies.syntax("\(name.stage) attribute=value..."))
        case .noop, .quit, .help, .unknown: Outcome(Replies.badSyntax)
        }
    }
}
