import Configuration
import InternalProtocol
import MailSystem
import Runtime

/// Turns verdicts into log lines, marks in the queue file, and results for the queue manager.
struct DeliveryReporter: Sendable {
    let request: DeliveryRequest
    /// `local`, `virtual`, or the name of the pipe service.
    let relay: String
    let log: MailLog
    let clock: any MailClock
    let handed: MailTime
    let softBounce: Bool
    let resolution: Int

    init(_ request: DeliveryRequest, relay: String, agent: AgentContext) {
        self.request = request
        self.relay = relay
        log = agent.log
        clock = agent.clock
        handed = agent.clock.now()
        softBounce = agent.parameters.bool("soft_bounce")
        resolution = agent.parameters.int("delay_logging_resolution_limit")
    }

    var isProbe: Bool { !request.flags.isDisjoint(with: [.verifyForMTA, .verifyForUser]) }

    /// Logs the verdict for one recipient.
    /// - Parameter recipient: whose line it is; its `offset` is that of the request's recipient.
    func note(_ verdict: Verdict, _ recipient: DeliveryRecipient) {
        let line = DeliveryLog.line(
            queueID: request.queueID, recipient: recipient.address, original: recipient.originalAddress, relay: relay,
            times: DeliveryTimes(request, handed: handed, done: clock.now()), dsn: status(verdict),
            status: word(verdict), text: verdict.text, resolution: resolution)
        log.info(line)
    }

    /// The result for the queue manager; a success is marked in the queue file first.
    func finish(_ verdict: Verdict, _ recipient: DeliveryRecipient, file: QueuedFile?) -> RecipientResult {
        if verdict.kind == .sent, let file { file.markDone(recipient, log: log) }
        return result(verdict, recipient)
    }

    func result(_ verdict: Verdict, _ recipient: DeliveryRecipient) -> RecipientResult {
        let outcome: DeliveryOutcome =
            switch verdict.kind {
            case .sent: .delivered
            case .deferred: .deferred
            case .bounced: softBounce && !isProbe ? .deferred : .bounced
            }
        let action: String =
            if isProbe {
                verdict.kind == .sent ? "deliverable" : "undeliverable"
            } else {
                switch outcome {
                case .delivered: verdict.action
                case .deferred: "delayed"
                case .bounced: "failed"
                }
            }
        // What another agent reports says its own name.
        let via = "delivery via "
        let reason =
            verdict.kind == .sent && relay != "none" && !verdict.text.hasPrefix(via)
            ? "\(via)\(relay): \(verdict.text)" : verdict.text
        return RecipientResult(
            offset: recipient.offset, outcome: outcome, status: status(verdict), action: action, reason: reason,
            diagnosticType: verdict.kind == .sent
                ? "" : verdict.diagnosticType.isEmpty ? "X-Postfix" : verdict.diagnosticType,
            diagnosticText: verdict.kind == .sent
                ? "" : verdict.diagnosticText.isEmpty ? verdict.text : verdict.diagnosticText)
    }

    private func status(_ verdict: Verdict) -> String {
        guard verdict.kind == .bounced, softBounce, !isProbe, verdict.status.hasPrefix("5") else {
            return verdict.status
        }
        return "4" + verdict.status.dropFirst()
    }

    private func word(_ verdict: Verdict) -> String {
        switch verdict.kind {
        case .sent: isProbe ? "deliverable" : "sent"
        case .deferred: isProbe ? "undeliverable" : "deferred"
        case .bounced: isProbe ? "undeliverable" : softBounce ? "SOFTBOUNCE" : "bounced"
        }
    }

    /// The same verdict for all recipients.
    func all(_ verdict: Verdict, file: QueuedFile?) -> DeliveryReport {
        let results = request.recipients.map { recipient in
            note(verdict, recipient)
            return finish(verdict, recipient, file: file)
        }
        return DeliveryReport(
            results: results,
            destinationFailure: verdict.isAgentFailure
                ? DestinationFailure(status: verdict.status, reason: verdict.text) : nil)
    }
}

/// What every agent of the process shares.
struct AgentContext: Sendable {
    let parameters: Parameters
    let service: MasterService
    let log: MailLog
    let clock: any MailClock
    let pool: BlockingPool
    let queue: QueueAccess
    let workers: WorkerPool
    var users: any UserDatabase = SystemUsers()
    var runCommand: CommandStart = { $0.run() }
}
