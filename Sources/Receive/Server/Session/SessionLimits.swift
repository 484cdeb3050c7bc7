/// Limits on what one client may do (anvil(8)); smtpd_client_event_limit_exceptions are free of them.
extension SMTPSession {
    private var service: String { settings.service }
    private var address: String { facts.client.address }

    private func warn(_ what: String, _ count: Int) {
        log.warning("\(what) limit exceeded: \(count) from \(clientText) for service \(service)")
    }

    /// Counts the connection.
    nonisolated(nonsending) func connectionLimitRefusal() async -> ServerReply? {
        isExempt = await environment.isExempt(facts.client)
        guard !isExempt, settings.connectionCountLimit > 0 || settings.connectionRateLimit > 0 || settings.limitsRates
        else { return nil }
        guard let (count, rate) = await environment.limits.connect(service: service, address: address) else {
            return nil
        }
        isCounted = true
        if settings.connectionCountLimit > 0, count > settings.connectionCountLimit {
            warn("Connection concurrency", count)
        } else if settings.connectionRateLimit > 0, rate > settings.connectionRateLimit {
            warn("Connection rate", rate)
        } else {
            return nil
        }
        return ServerReply(421, "4.7.0", "\(settings.myhostname) Error: too many connections from \(address)")
    }

    nonisolated(nonsending) func countDisconnect() async {
        guard isCounted else { return }
        isCounted = false
        environment.limits.disconnect(service: service, address: address)
    }

    nonisolated(nonsending) func messageRateProblem() async -> ServerReply? {
        guard !isExempt, settings.messageRateLimit > 0,
            let rate = await environment.limits.message(service: service, address: address),
            rate > settings.messageRateLimit
        else { return nil }
        warn("Message delivery request rate", rate)
        return ServerReply(450, "4.7.1", "Error: too much mail from \(address)")
    }

    nonisolated(nonsending) func recipientRateProblem() async -> ServerReply? {
        guard !isExempt, settings.recipientRateLimit > 0,
            let rate = await environment.limits.recipient(service: service, address: address),
            rate > settings.recipientRateLimit
        else { return nil }
        warn("Recipient address rate", rate)
        return ServerReply(450, "4.7.1", "Error: too many recipients from \(address)")
    }

    nonisolated(nonsending) func authRateProblem() async -> ServerReply? {
        guard !isExempt, settings.authRateLimit > 0,
            let rate = await environment.limits.auth(service: service, address: address),
            rate > settings.authRateLimit
        else { return nil }
        warn("AUTH command rate", rate)
        return ServerReply(450, "4.7.1", "Error: too many AUTH commands from \(address)")
    }

    /// Before the handshake, which costs most; resumed sessions are not counted later.
    nonisolated(nonsending) func newTLSRateProblem() async -> ServerReply? {
        guard !isExempt, settings.newTLSRateLimit > 0,
            let rate = await environment.limits.newTLSRate(service: service, address: address),
            rate > settings.newTLSRateLimit
        else { return nil }
        warn("New TLS session rate", rate)
        return ServerReply(454, "4.7.0", "Error: too many new TLS sessions from \(address)")
    }

    nonisolated(nonsending) func countNewTLSSession() async {
        guard !isExempt, settings.newTLSRateLimit > 0 else { return }
        _ = await environment.limits.newTLS(service: service, address: address)
    }
}
