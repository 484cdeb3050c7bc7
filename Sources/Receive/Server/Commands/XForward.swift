import MailSyntax

/// XFORWARD: a content filter passes on what log lines and queue files should say of the real client.
extension SMTPSession {
    nonisolated(nonsending) func forward(_ words: [String]) async -> Outcome {
        if let problem = impersonationProblem { return Outcome(problem) }
        guard let mayUseXForward = rights.mayUseXForward else {
            return localDataError("if command XFORWARD should be allowed from")
        }
        guard mayUseXForward else { return Outcome(Replies.insufficientAuthorization) }
        var forwarded = facts.forwarded ?? ForwardedClient()
        do throws(ClientAttributes.Problem) {
            for word in words {
                let attribute = try ClientAttributes.attribute(
                    word, of: "XFORWARD", known: ClientAttributes.forward)
                try Self.apply(attribute, to: &forwarded)
            }
        } catch {
            return Outcome(error.reply)
        }
        facts.forwarded = forwarded
        return Outcome(Replies.ok)
    }

    private static func apply(
        _ attribute: ClientAttributes.Attribute, to forwarded: inout ForwardedClient
    ) throws(ClientAttributes.Problem) {
        let unknown = ForwardedClient.unknown
        switch attribute.name {
        case "NAME": forwarded.name = try ClientAttributes.hostName(attribute) ?? unknown
        case "ADDR": forwarded.address = try ClientAttributes.address(attribute)?.description ?? unknown
        case "PORT": forwarded.port = try ClientAttributes.port(attribute) ?? unknown
        case "PROTO": forwarded.protocolName = ClientAttributes.text(attribute) ?? unknown
        case "HELO": forwarded.helo = ClientAttributes.text(attribute)
        case "IDENT": forwarded.ident = ClientAttributes.text(attribute)
        case "SOURCE":
            switch ASCII.uppercased(attribute.value ?? "LOCAL") {
            case "LOCAL": forwarded.isLocal = true
            case "REMOTE": forwarded.isLocal = false
            default: throw .syntax("SOURCE", attribute.value ?? "")
            }
        default: break
        }
        if attribute.name != "IDENT", attribute.name != "SOURCE" { forwarded.describesClient = true }
    }

    /// `, orig_queue_id=1234, orig_client=name[address]`
    var forwardedText: String {
        guard let forwarded = facts.forwarded else { return "" }
        var text = forwarded.ident.map { ", orig_queue_id=\($0)" } ?? ""
        if forwarded.describesClient { text += ", orig_client=\(forwarded.nameAndAddress)" }
        return text
    }
}
