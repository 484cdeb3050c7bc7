import Configuration
import InternalProtocol
import MailSyntax

/// VRFY (RFC 5321 §4.1.1.6) and ETRN (RFC 1985).
extension SMTPSession {
    var verifySyntax: String { settings.smtpUTF8 ? "VRFY address [SMTPUTF8]" : "VRFY address" }

    func verifyProblem() -> ServerReply? {
        if settings.verifyIsDisabled { return ServerReply(502, "5.5.1", "VRFY command is disabled") }
        return settings.helloIsRequired && facts.helo == nil ? Replies.sayHello : nil
    }

    nonisolated(nonsending) func verify(_ text: String) async -> Outcome {
        if let problem = verifyProblem() { return Outcome(problem) }
        var words = SMTPTokenizer.tokens(text)
        if settings.smtpUTF8, words.count > 1, let last = words.last, ASCII.equalIgnoringCase(last.text, "SMTPUTF8") {
            words.removeLast()
        }
        guard let word = words.first else { return Outcome(Replies.syntax(verifySyntax)) }
        let parsed = words.count == 1 ? SMTPPath.address(SMTPToken(word.text)) : nil
        guard let address = parsed, !address.isEmpty, Self.isUsable(address) else {
            let shown = words.map(\.text).joined(separator: " ")
            log.warning("Illegal address syntax from \(clientText) in VRFY command: \(shown)")
            return Outcome(Replies.badRecipient)
        }
        facts.recipient = address
        defer { facts.recipient = transaction?.recipientCount == 1 ? onlyRecipient : nil }
        if let refused = outcome(await check(.recipient)) { return refused }
        return Outcome(ServerReply(252, "2.0.0", word.text))
    }

    func etrnOrderProblem() -> ServerReply? {
        if settings.helloIsRequired, facts.helo == nil { return ServerReply(503, nil, "Error: send HELO/EHLO first") }
        return transaction != nil ? ServerReply(503, nil, "Error: MAIL transaction in progress") : nil
    }

    nonisolated(nonsending) func turn(_ argument: String) async -> Outcome {
        if let problem = etrnOrderProblem() { return Outcome(problem) }
        var domain = argument
        if let first = domain.utf8.first, first == 0x40 || first == 0x23 { domain.removeFirst() }
        guard HostName.isValid(domain) || HostName.isValidLiteral(domain) else {
            return Outcome(ServerReply(501, nil, "Error: invalid parameter syntax"))
        }
        facts.etrnDomain = domain
        defer { facts.etrnDomain = nil }
        if let refused = outcome(await check(.etrn)) { return refused }
        switch await environment.flush(domain) {
        case .done:
            if settings.oldDefaults.flushesDestinations {
                log.info(
                    CompatibilityDefaults.text(
                        "relay_domains=$mydestination", to: "flush mail for domain \"\(domain)\""))
            }
            return Outcome(ServerReply(250, nil, "Queuing started"))
        case .failed: return Outcome(ServerReply(458, nil, "Unable to queue messages"))
        case .unknownSite:
            log.warning("reject: ETRN \(domain.prefix(100))... from \(clientText)")
            return Outcome(ServerReply(459, nil, "<\(domain)>: service unavailable"))
        case .badSite: return Outcome(ServerReply(501, nil, "Error: invalid parameter syntax"))
        }
    }
}
