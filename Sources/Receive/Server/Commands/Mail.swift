import MailSyntax

/// MAIL (RFC 5321 §4.1.1.2).
extension SMTPSession {
    func mailOrderProblem() -> ServerReply? {
        if settings.helloIsRequired, facts.helo == nil { return Replies.sayHello }
        return transaction == nil ? nil : Replies.nestedMail
    }

    nonisolated(nonsending) func mail(_ path: SMTPToken, _ parameters: [String]) async -> Outcome {
        if let problem = mailOrderProblem() { return Outcome(problem) }
        if let problem = await messageRateProblem() { return Outcome(problem) }
        guard let sender = address(path, command: "MAIL", allowsEmpty: true) else { return Outcome(Replies.badSender) }
        var made = MailTransaction(sender: sender)
        var size = 0
        for parameter in parameters {
            if rights.mayUseVERP == true, ASCII.hasPrefixIgnoringCase(parameter, "xverp") {
                if let problem = applyVERP(parameter, to: &made) { return Outcome(problem) }
                continue
            }
            if let problem = apply(parameter, to: &made, size: &size) { return Outcome(problem) }
        }
        noteEightBit(sender, "sender")
        facts.sender = sender
        facts.size = size
        facts.smtpUTF8 = made.smtpUTF8
        facts.instance = newInstance()
        facts.recipientCount = 0
        transaction = made
        if let refused = await judgeSender(size: size) {
            await abandonTransaction()
            return refused
        }
        if let refused = await judgeRewriting() { return refused }
        if !settings.delaysOpen, let problem = await open() { return Outcome(problem) }
        return Outcome(Replies.senderOk)
    }

    private nonisolated(nonsending) func judgeSender(size: Int) async -> Outcome? {
        if settings.messageSizeLimit > 0, size > settings.messageSizeLimit {
            logReject(Replies.sizeOverLimit)
            return Outcome(Replies.sizeOverLimit)
        }
        if let problem = await spaceProblem(size: size) {
            logReject(problem)
            return Outcome(problem)
        }
        guard !settings.delaysReject else { return nil }
        return outcome(await check(.mail))
    }

    private nonisolated(nonsending) func judgeRewriting() async -> Outcome? {
        switch await environment.checker.headerRewriting(facts) {
        case .local: transaction?.rewritesLocally = true
        case .remote: break
        case .refused(let reply):
            await abandonTransaction()
            logReject(reply)
            return Outcome(reply)
        }
        return nil
    }

    /// queue_minfree, and room for one and a half messages of the largest size.
    private nonisolated(nonsending) func spaceProblem(size: Int) async -> ServerReply? {
        guard let free = await environment.freeSpace() else { return nil }
        let limit = settings.messageSizeLimit
        if settings.queueMinimumFree > 0, free < settings.queueMinimumFree {
            log.warning(
                "not enough free space in mail queue: \(free) bytes < minimum free: \(settings.queueMinimumFree)")
            return Replies.noSpace
        }
        if limit > 0, Double(free) < 1.5 * Double(limit) {
            log.warning("not enough free space in mail queue: \(free) bytes < 1.5*message size limit")
            return Replies.noSpace
        }
        return size > 0 && free < size ? Replies.noSpace : nil
    }

    /// Internal form of a path, nil with a log line when it is malformed.
    func address(_ token: SMTPToken, command: String, allowsEmpty: Bool) -> String? {
        if let address = SMTPPath.address(token, strict: settings.strictEnvelopes),
            allowsEmpty && token.text == "<>" || Self.isUsable(address),
            settings.allowsMinusUser || address.utf8.first != UInt8(ascii: "-")
        {
            return address
        }
        log.warning("Illegal address syntax from \(clientText) in \(command) command: \(token.text)")
        return nil
    }

    /// Not empty, with a local part, and a domain that is a host name or an address literal.
    static func isUsable(_ address: String) -> Bool {
        let (local, domain) = EmailAddress.split(address)
        guard let domain else { return !address.isEmpty }
        if local.isEmpty || domain.isEmpty { return false }
        if domain.utf8.first == 0x5B { return HostName.isValidLiteral(domain) }
        // UTF-8 labels are judged where they are converted to A-labels.
        let folded = domain.utf8.map { $0 < 0x80 ? $0 : 0x78 }
        return HostName.isValid(String(decoding: folded, as: UTF8.self))
    }

    private func apply(_ parameter: String, to made: inout MailTransaction, size: inout Int) -> ServerReply? {
        let (keyword, value) = Self.split(parameter)
        switch (keyword, value) {
        case ("SIZE", let value?):
            guard let number = ASCII.decimal(value.utf8) else {
                return ServerReply(501, "5.5.4", "Bad message size syntax")
            }
            size = number
        case ("BODY", let value?) where ASCII.equalIgnoringCase(value, "8BITMIME"): made.encoding = "8bit"
        case ("BODY", let value?) where ASCII.equalIgnoringCase(value, "7BIT"): made.encoding = "7bit"
        case ("SMTPUTF8", nil) where settings.smtpUTF8 && !discardedKeywords.contains("smtputf8"):
            made.smtpUTF8 = true
        case ("AUTH", let value?) where settings.saslIsEnabled:
            guard XText.decode(value) != nil else { return ServerReply(501, "5.5.4", "Bad AUTH parameter syntax") }
            guard facts.saslMethod != nil else { break }
            if value != "<>" { facts.saslSender = XText.decode(value).map(Self.cleaned) }
        case ("AUTH", _?): break
        case ("RET", let value?):
            guard offersDSN else { return Self.dsnDisabled }
            let part = ASCII.uppercased(value)
            guard made.returnPart == nil, part == "FULL" || part == "HDRS" else {
                return ServerReply(501, "5.5.4", "Bad RET parameter syntax")
            }
            made.returnPart = part
        case ("ENVID", let value?):
            guard offersDSN else { return Self.dsnDisabled }
            // RFC 3461 §4.4: printable. Anything else would break the lines of a notification.
            guard made.envelopeID == nil, !value.isEmpty, let decoded = XText.decode(value),
                decoded.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else {
                return ServerReply(501, "5.5.4", "Bad ENVID parameter syntax")
            }
            made.envelopeID = decoded
        default: return Replies.unsupported(parameter)
        }
        return nil
    }

    /// `XVERP` or `XVERP=-=` (VERP_README).
    private func applyVERP(_ parameter: String, to made: inout MailTransaction) -> ServerReply? {
        let (keyword, value) = Self.split(parameter)
        guard keyword == "XVERP" else { return Replies.unsupported(parameter) }
        let delimiters = value ?? settings.verpDelimiters
        guard VERPDelimiters(delimiters) != nil, delimiters.allSatisfy({ settings.verpFilter.contains($0) }) else {
            return ServerReply(501, "5.5.4", "Error: XVERP needs two characters from \(settings.verpFilter)")
        }
        if made.sender.isEmpty { return ServerReply(503, "5.5.4", "Error: XVERP requires non-null sender") }
        made.verp = delimiters
        return nil
    }

    var offersDSN: Bool { !discardedKeywords.contains("dsn") }
    static let dsnDisabled = ServerReply(501, "5.7.1", "DSN support is disabled")

    /// `KEYWORD` in upper case, and what follows the `=`.
    static func split(_ parameter: String) -> (keyword: String, value: String?) {
        guard let equals = parameter.utf8.firstIndex(of: 0x3D) else { return (ASCII.uppercased(parameter), nil) }
        let value = parameter[parameter.utf8.index(after: equals)...]
        return (ASCII.uppercased(String(parameter[..<equals])), String(value))
    }
}
