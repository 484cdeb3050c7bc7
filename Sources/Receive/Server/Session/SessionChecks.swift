import Configuration
import MailSyntax

/// Restriction lists and what the dialogue itself forbids.
extension SMTPSession {
    /// Runs the lists of a stage, logs what they did and remembers what they want done to the message.
    nonisolated(nonsending) func check(_ stage: RestrictionStage) async -> RestrictionVerdict {
        var memory = memory
        var verdict = await environment.checker.check(stage, facts, &memory)
        self.memory = memory
        for warning in verdict.warnings { log.warning(warning) }
        if verdict.usedOldDigest, !hasNotedDigest {
            hasNotedDigest = true
            log.info(
                CompatibilityDefaults.text(
                    "smtpd_tls_fingerprint_digest=md5", to: "compute certificate fingerprints"))
        }
        for note in verdict.notes { log.info(note) }
        for event in verdict.events { logEvent(event.verb, event.text) }
        transaction?.effects.merge(verdict.effects)
        if let refusal = verdict.refusal {
            verdict.refusal = settings.softBounce ? refusal.softened : refusal
            logReject(refusal)
        }
        for note in verdict.notesAfterRefusal { log.info(note) }
        if verdict.hangUp {
            // The access table wants no farewell; logged by its event.
            verdict.refusal = nil
        }
        return verdict
    }

    /// An address in UTF-8 comes without SMTPUTF8, which today's default would refuse.
    func noteEightBit(_ address: String, _ role: String) {
        guard settings.oldDefaults.acceptsEightBitAddresses, address.utf8.contains(where: { $0 >= 0x80 }) else {
            return
        }
        // No UTF-8 goes into the log either, without smtputf8_enable.
        let shown = String(decoding: address.utf8.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        log.info(
            CompatibilityDefaults.text(
                "smtputf8_enable=no", to: "accept non-ASCII \(role) address \"\(shown)\" from \(clientText)"))
    }

    /// The outcome for a refusing verdict, nil when the command may go on.
    func outcome(_ verdict: RestrictionVerdict) -> Outcome? {
        if verdict.hangUp { return Outcome(nil, next: .close, ok: false) }
        return verdict.refusal.map { Outcome($0) }
    }

    func logReject(_ reply: ServerReply) {
        logEvent("reject", (settings.softBounce ? reply.softened : reply).text)
    }

    func logEvent(_ verb: String, _ text: String) {
        log.info(facts.eventLine(verb, text, client: clientText) + saslText(separator: " "))
    }

    /// ` sasl_method=PLAIN sasl_username=user`
    func saslText(separator: String) -> String {
        var text = ""
        if let method = facts.saslMethod { text += "\(separator)sasl_method=\(method)" }
        if let user = facts.saslUsername { text += "\(separator)sasl_username=\(user)" }
        if let sender = facts.saslSender { text += "\(separator)sasl_sender=\(sender)" }
        return text
    }

    /// A command line that ended in a bare LF.
    func judgeBareNewline() -> SessionStep? {
        switch bareNewline {
        case .allow, .normalize: return nil
        case .note:
            hadBareNewline = true
            return nil
        case .reject:
            hadBareNewline = true
            logEvent("reject", "bare <LF> received")
            return SessionStep(bareNewlineReply, next: .close)
        }
    }

    var bareNewlineReply: ServerReply {
        ServerReply(
            settings.bareNewlineCode, "\(settings.bareNewlineCode / 100).5.2",
            "\(settings.myhostname) Error: bare <LF> received")
    }

    /// Commands sent ahead where the client had to wait for the reply (RFC 2920 §3.1).
    func judgePipelining(_ name: CommandName, pending: [UInt8]) -> SessionStep? {
        guard !pending.isEmpty, name.mustBeLast || (facts.helo != nil && facts.protocolName == "SMTP") else {
            return nil
        }
        let step = judgeEarlyTalk(pending)
        if step != nil { statistics.count(name, accepted: false) }
        return step
    }

    /// Input where the client had to be silent: logged once, refused if smtpd_forbid_unauth_pipelining says so.
    func judgeEarlyTalk(_ pending: [UInt8]) -> SessionStep? {
        guard !pending.isEmpty else { return nil }
        facts.pipelinedEarly = true
        guard !pipeliningWasLogged else { return nil }
        pipeliningWasLogged = true
        log.info("improper command pipelining after \(facts.stage) from \(clientText): \(Self.escaped(pending))")
        return settings.forbidsEarlyPipelining ? SessionStep(Replies.outOfStep, next: .close) : nil
    }

    static func escaped(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes.prefix(100) {
            switch byte {
            case 0x0D: text += "\\r"
            case 0x0A: text += "\\n"
            case 0x09: text += "\\t"
            case 0x5C: text += "\\\\"
            case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let octal = String(byte, radix: 8)
                text += "\\" + String(repeating: "0", count: 3 - octal.utf8.count) + octal
            }
        }
        return text
    }

    /// Web browsers and proxies that talk to the mail port: their first words look like headers or HTTP.
    nonisolated(nonsending) func nonSMTP(_ line: ArraySlice<UInt8>) async -> SessionStep? {
        guard let text = Self.verb(of: line) else { return nil }
        let forbidden: Bool
        if Self.looksLikeHeader(Array(text.utf8)[...]) {
            forbidden = true
        } else {
            forbidden = await environment.isForbidden(text)
        }
        guard forbidden else { return nil }
        facts.stage = CommandName.unknown.stage
        statistics.count(.unknown, accepted: false)
        log.warning("non-SMTP command from \(clientText): \(String(decoding: line.prefix(100), as: UTF8.self))")
        return SessionStep(Replies.rulesBroken, next: .close)
    }

    /// The first word of a command line; nil when there is none, or none that is text.
    static func verb(of line: ArraySlice<UInt8>) -> String? {
        let word = line.drop(while: ASCII.isSpace).prefix { !ASCII.isSpace($0) }
        return word.isEmpty ? nil : String(validating: word, as: UTF8.self)
    }

    private static func looksLikeHeader(_ word: ArraySlice<UInt8>) -> Bool {
        guard let colon = word.firstIndex(of: 0x3A), colon > word.startIndex else { return false }
        return word[..<colon].allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// smtpd_reject_footer below a refusal.
    func footed(_ reply: ServerReply) -> ServerReply {
        guard reply.isRejection, !settings.rejectFooter.isEmpty else { return reply }
        return RejectFooter(settings.rejectFooter).applied(
            to: reply, facts: facts, settings: settings, clock: environment.clock)
    }
}
