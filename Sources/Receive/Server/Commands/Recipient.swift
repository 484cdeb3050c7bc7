import MailSyntax

/// RCPT (RFC 5321 §4.1.1.3).
extension SMTPSession {
    func recipientOrderProblem() -> ServerReply? {
        guard let transaction else { return Replies.needMail }
        return transaction.chunks == .none ? nil : Replies.recipientAfterChunk
    }

    nonisolated(nonsending) func recipient(_ path: SMTPToken, _ parameters: [String]) async -> Outcome {
        if let problem = recipientOrderProblem() { return Outcome(problem) }
        if let problem = await recipientRateProblem() { return Outcome(problem) }
        guard let address = address(path, command: "RCPT", allowsEmpty: false) else {
            return Outcome(Replies.badRecipient)
        }
        var recipient = MessageRecipient(address: address, typed: Self.withoutBrackets(path.text))
        for parameter in parameters {
            if let problem = apply(parameter, to: &recipient) { return Outcome(problem) }
        }
        if let count = transaction?.recipientCount, settings.recipientLimit > 0, count >= settings.recipientLimit {
            let overshoot = (transaction?.overshoot ?? 0) &+ 1
            transaction?.overshoot = overshoot
            // A client that stops in time has made no error (RFC 5321 §4.5.3.1.10).
            return Outcome(Replies.tooManyRecipients, ok: overshoot <= settings.recipientOvershoot)
        }
        noteEightBit(address, "recipient")
        facts.recipient = address
        defer { facts.recipient = transaction?.recipientCount == 1 ? onlyRecipient : nil }
        if let refused = outcome(await check(.recipient)) { return refused }
        if let problem = await open() { return Outcome(problem) }
        await transaction?.message?.add(recipient)
        transaction?.recipientCount &+= 1
        facts.recipientCount &+= 1
        if facts.recipientCount == 1 {
            transaction?.firstRecipient = EmailAddress.quoted(address)
            onlyRecipient = address
        }
        return Outcome(Replies.recipientOk)
    }

    /// Makes the queue file, once a message.
    nonisolated(nonsending) func open() async -> ServerReply? {
        guard let current = transaction, current.message == nil else { return nil }
        var envelope = MessageEnvelope(
            sender: current.sender, arrival: environment.clock.now(), facts: facts, envelopeID: current.envelopeID,
            returnPart: current.returnPart, encoding: current.encoding, smtpUTF8: current.smtpUTF8,
            rewritesLocally: facts.forwarded?.isLocal ?? current.rewritesLocally)
        envelope.verp = current.verp
        do {
            let message = try await environment.intake.begin(envelope)
            transaction?.message = message
            facts.queueID = message.queueID
            log.info("\(message.queueID): client=\(clientText)\(saslText(separator: ", "))\(forwardedText)")
            return nil
        } catch {
            log.warning("cannot make a queue file: \(error)")
            return Replies.queueWriteError
        }
    }

    private static func withoutBrackets(_ path: String) -> String? {
        guard path.utf8.count > 2, path.hasPrefix("<"), path.hasSuffix(">") else { return nil }
        return String(path.dropFirst().dropLast())
    }

    private func notifyMask(_ value: String) -> Int? {
        if let unknown = DSNParameters.unknownNotification(value) {
            log.warning("unknown DSN NOTIFY command value \"\(unknown)\" in \"\(value)\"")
        }
        return DSNParameters.notify(value)
    }

    private func apply(_ parameter: String, to recipient: inout MessageRecipient) -> ServerReply? {
        let (keyword, value) = Self.split(parameter)
        switch (keyword, value) {
        case ("NOTIFY", let value?):
            guard offersDSN else { return Self.dsnDisabled }
            guard recipient.notify == 0, let mask = notifyMask(value) else {
                return ServerReply(501, "5.5.4", "Error: Bad NOTIFY parameter syntax")
            }
            recipient.notify = mask
        case ("ORCPT", let value?):
            guard offersDSN else { return Self.dsnDisabled }
            guard recipient.original == nil, let original = DSNParameters.originalRecipient(value) else {
                return ServerReply(501, "5.5.4", "Error: Bad ORCPT parameter syntax")
            }
            recipient.original = original
        default: return Replies.unsupported(parameter)
        }
        return nil
    }
}

/// Values of the DSN parameters (RFC 3461).
enum DSNParameters {
    /// The bit mask of NOTIFY=: never 1, success 2, failure 4, delay 8; `NEVER` only alone.
    static func notify(_ value: String) -> Int? {
        var mask = 0
        for word in value.split(separator: ",", omittingEmptySubsequences: false) {
            switch ASCII.uppercased(String(word)) {
            case "NEVER": mask |= 1
            case "SUCCESS": mask |= 2
            case "FAILURE": mask |= 4
            case "DELAY": mask |= 8
            default: return nil
            }
        }
        return mask == 0 || (mask & 1 != 0 && mask != 1) ? nil : mask
    }

    /// The first word of NOTIFY= that means nothing, for a log line.
    static func unknownNotification(_ value: String) -> String? {
        value.split { $0 == "," }.map(String.init).first {
            !["NEVER", "SUCCESS", "FAILURE", "DELAY"].contains(ASCII.uppercased($0))
        }.map { String(decoding: $0.utf8.prefix(100), as: UTF8.self) }
    }

    /// ORCPT= `type;xtext`, decoded; UTF-8 addresses as RFC 6533 has them.
    static func originalRecipient(_ value: String) -> String? {
        guard let semicolon = value.utf8.firstIndex(of: 0x3B), semicolon > value.startIndex else { return nil }
        let type = String(value[..<semicolon])
        let text = String(value[value.utf8.index(after: semicolon)...])
        let isUTF8 = ASCII.equalIgnoringCase(type, "utf-8")
        guard let decoded = isUTF8 ? XText.decodeUTF8(text) : XText.decode(text), !decoded.isEmpty,
            decoded.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        return "\(type);\(decoded)"
    }
}
