import MailSyntax

/// An AUTH exchange under way.
struct AuthenticationExchange {
    var mechanism: String
    var exchange: any SASLExchange
}

/// AUTH (RFC 4954).
extension SMTPSession {
    private var saslIsActive: Bool {
        settings.saslIsEnabled && environment.sasl != nil && rights.isSASLException != true
    }

    /// Mechanisms for the EHLO reply; empty when AUTH is not offered now.
    nonisolated(nonsending) func offeredMechanisms() async -> [String] {
        guard saslIsActive, let sasl = environment.sasl else { return [] }
        if settings.tlsAuthOnly, facts.tls == nil { return [] }
        guard let all = await sasl.mechanisms() else { return [] }
        return settings.sasl.offered(all, encrypted: facts.tls != nil).map(\.name)
    }

    func authOrderProblem() -> ServerReply? {
        if !saslIsActive { return ServerReply(503, "5.5.1", "Error: authentication not enabled") }
        if settings.helloIsRequired, facts.helo == nil { return Replies.sayHello }
        if settings.tlsAuthOnly, facts.tls == nil {
            return ServerReply(538, "5.7.11", "Encryption required for requested authentication mechanism")
        }
        if transaction != nil { return ServerReply(503, "5.5.1", "Error: MAIL transaction in progress") }
        return facts.saslMethod == nil ? nil : ServerReply(503, "5.5.1", "Error: already authenticated")
    }

    nonisolated(nonsending) func authenticate(_ mechanism: String, initialResponse: String?) async -> Outcome {
        if let problem = authOrderProblem() { return Outcome(problem) }
        if let problem = await authRateProblem() { return Outcome(problem) }
        guard let sasl = environment.sasl else { return Outcome(Replies.notImplemented) }
        guard let all = await sasl.mechanisms() else {
            return Outcome(ServerReply(454, "4.7.0", "Temporary authentication failure: (reason unavailable)"))
        }
        guard settings.sasl.offered(all, encrypted: facts.tls != nil).contains(where: { $0.name == mechanism }) else {
            return concluded(.failure(reason: SASLReason.invalidMechanism, username: nil), mechanism)
        }
        let peer = SASLPeer(
            clientAddress: facts.client.address, clientName: facts.client.name, clientPort: facts.client.port,
            serverAddress: facts.serverAddress, serverPort: facts.serverPort, secured: facts.tls != nil)
        let response = initialResponse == "=" ? "" : initialResponse
        let (exchange, step) = await sasl.begin(mechanism: mechanism, initialResponse: response, peer: peer)
        authentication = AuthenticationExchange(mechanism: mechanism, exchange: exchange)
        return concluded(step, mechanism)
    }

    /// The client's answer to a challenge.
    nonisolated(nonsending) public func authenticationLine(_ line: [UInt8]) async -> SessionStep {
        guard let current = authentication else { return closing(SessionStep(Replies.badSyntax)) }
        let outcome: Outcome
        if line == [0x2A] {
            current.exchange.abort()
            authentication = nil
            log.warning("\(clientText): SASL \(current.mechanism) authentication aborted")
            outcome = Outcome(ServerReply(501, "5.7.0", "Authentication aborted"))
        } else if line.count > settings.sasl.responseLimit {
            current.exchange.abort()
            authentication = nil
            log.warning("\(clientText): SASL \(current.mechanism) response longer than \(settings.sasl.responseLimit)")
            outcome = Outcome(ServerReply(500, "5.5.6", "Error: authentication response too long"))
        } else {
            outcome = concluded(
                await current.exchange.respond(String(decoding: line, as: UTF8.self)), current.mechanism)
        }
        return await finish(outcome, name: .auth)
    }

    private func concluded(_ step: SASLStep, _ mechanism: String) -> Outcome {
        if case .challenge(let text) = step {
            return Outcome(ServerReply(334, nil, text), next: .authentication)
        }
        authentication = nil
        switch step {
        case .success(let username):
            facts.saslMethod = mechanism
            facts.saslUsername = username
            return Outcome(ServerReply(235, "2.7.0", "Authentication successful"))
        case .unavailable(let reason):
            // fail2ban's filter knows this line and does not count it against the client.
            log.warning(
                "\(clientText): SASL \(mechanism) authentication failed: \(reason), sasl_username=(unavailable)")
            return Outcome(ServerReply(454, "4.7.0", "Temporary authentication failure: \(reason)"))
        case .failure(let reason, let username):
            let user = username ?? "(unavailable)"
            log.warning("\(clientText): SASL \(mechanism) authentication failed: \(reason), sasl_username=\(user)")
            return Outcome(ServerReply(535, "5.7.8", "Error: authentication failed: \(reason)"))
        case .challenge: return Outcome(Replies.badSyntax)
        }
    }
}
