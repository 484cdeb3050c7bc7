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
        await rateProblem("Message delivery request rate", settings.messageRateLimit, environment.limits.message) {
            ServerReply(450, "4.7.1", "Error: too much mail from \(address)")
        }
    }

    nonisolated(nonsending) func recipientRateProblem() async -> ServerReply? {
        await rateProblem("Recipient address rate", settings.recipientRateLimit, environment.limits.recipient) {
            ServerReply(450, "4.7.1", "Error: too many recipients from \(address)")
        }
    }

    nonisolated(nonsending) func authRateProblem() async -> ServerReply? {
        await rateProblem("AUTH command rate", settings.authRateLimit, environment.limits.auth) {
            ServerReply(450, "4.7.1", "Error: too many AUTH commands from \(address)")
        }
    }

    /// Before the handshake, which costs most; resumed sessions are not counted later.
    nonisolated(nonsending) func newTLSRateProblem() async -> ServerReply? {
        await rateProblem("New TLS session rate", settings.newTLSRateLimit, environment.limits.newTLSRate) {
            ServerReply(454, "4.7.0", "Error: too many new TLS sessions from \(address)")
        }
    }

    /// - Parameters:
    ///   - limit: 0 is no limit.
    ///   - counter: asks for the rate, of service and client address; nil when it cannot be told.
    private nonisolated(nonsending) func rateProblem(
        _ what: String, _ limit: Int, _ counter: (String, String) async -> Int?, reply: () -> ServerReply
    ) async -> ServerReply? {
        guard !isExempt, limit > 0, let rate = await counter(service, address), rate > limit else { return nil }
        warn(what, rate)
        return reply()
    }

    nonisolated(nonsending) func countNewTLSSession() async {
        guard !isExempt, settings.newTLSRateLimit > 0 else { return }
        _ = await environment.limits.newTLS(service: service, address: address)
    }
}
