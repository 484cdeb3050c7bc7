import MailSyntax

/// XCLIENT: a trusted client speaks for another one, and the session begins anew.
extension SMTPSession {
    var impersonationProblem: ServerReply? {
        transaction == nil ? nil : ServerReply(503, "5.5.1", "Error: MAIL transaction in progress")
    }

    nonisolated(nonsending) func impersonate(_ words: [String]) async -> Outcome {
        if let problem = impersonationProblem { return Outcome(problem) }
        guard let mayUseXClient = rights.mayUseXClient else {
            return localDataError("if command XCLIENT should be allowed from")
        }
        guard mayUseXClient else { return Outcome(Replies.insufficientAuthorization) }
        var changed = facts
        changed.helo = nil
        changed.protocolName = "SMTP"
        do throws(ClientAttributes.Problem) {
            for word in words {
                let attribute = try ClientAttributes.attribute(
                    word, of: "XCLIENT", known: ClientAttributes.client)
                try Self.apply(attribute, to: &changed)
            }
        } catch {
            return Outcome(error.reply)
        }
        facts = changed
        facts.pipelinedEarly = false
        facts.stage = "CONNECT"
        memory = RestrictionMemory()
        accessIsDenied = false
        await abandonTransaction()
        // No error, and Postfix does not count it as a success either.
        var outcome = Outcome(nil, ok: false)
        outcome.isError = false
        let step = await greet()
        outcome.reply = step.reply
        outcome.next = step.next
        return outcome
    }

    private static func apply(
        _ attribute: ClientAttributes.Attribute, to facts: inout SessionFacts
    ) throws(ClientAttributes.Problem) {
        let unknown = "unknown"
        switch attribute.name {
        case "NAME":
            let name = try ClientAttributes.hostName(attribute)
            facts.client.name = name ?? unknown
            facts.client.nameStatus = name != nil ? .ok : attribute.isTemporary ? .temporary : .permanent
            facts.client.reverseName = facts.client.name
            facts.client.reverseStatus = facts.client.nameStatus
        case "REVERSE_NAME":
            let name = try ClientAttributes.hostName(attribute)
            facts.client.reverseName = name ?? unknown
            facts.client.reverseStatus = name != nil ? .ok : attribute.isTemporary ? .temporary : .permanent
        case "ADDR":
            let address = try ClientAttributes.address(attribute)
            facts.client.ip = address
            facts.client.address = address?.description ?? unknown
        case "PORT": facts.client.port = try ClientAttributes.port(attribute) ?? unknown
        case "HELO": facts.helo = ClientAttributes.text(attribute)
        case "PROTO":
            let name = ASCII.uppercased(attribute.value ?? "")
            guard name == "SMTP" || name == "ESMTP" else { throw .syntax("PROTO", attribute.value ?? "") }
            facts.protocolName = name
        case "LOGIN":
            facts.saslMethod = attribute.value == nil ? nil : "XCLIENT"
            facts.saslUsername = attribute.value.map(Self.printable)
            facts.saslSender = nil
        case "DESTADDR": facts.serverAddress = try ClientAttributes.address(attribute)?.description ?? unknown
        case "DESTPORT": facts.serverPort = try ClientAttributes.port(attribute) ?? unknown
        default: break
        }
    }

    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self)
    }
}
