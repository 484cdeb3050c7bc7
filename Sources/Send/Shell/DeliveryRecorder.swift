import InternalProtocol
import MailSystem

/// Collects the results of a delivery request and writes their log lines.
struct DeliveryRecorder {
    let request: DeliveryRequest
    let settings: ClientSettings
    let log: MailLog
    let clock: any MailClock
    let handed: MailTime
    private(set) var report = DeliveryReport(results: [])
    /// Indices of recipients without a result, in the order of the request.
    private(set) var undecided: [Int]

    init(request: DeliveryRequest, settings: ClientSettings, log: MailLog, clock: any MailClock, handed: MailTime) {
        self.request = request
        self.settings = settings
        self.log = log
        self.clock = clock
        self.handed = handed
        undecided = Array(request.recipients.indices)
    }

    /// Where and when a recipient was decided.
    struct Circumstances {
        /// `host[address]:port`, or `none`.
        var relay = "none"
        /// Remote host name; empty when there was none.
        var host = ""
        var uses = 1
        /// When the connection was ready; nil when it was there already.
        var connected: MailTime?
        /// The server takes over success notifications.
        var serverHandlesDSN = false
    }

    private var isProbe: Bool { !request.flags.isDisjoint(with: [.verifyForMTA, .verifyForUser]) }

    /// Records a verdict. Returns the recipient's offset when the queue file must be marked.
    mutating func record(_ index: Int, _ verdict: RecipientVerdict, _ place: Circumstances) -> Int? {
        guard let position = undecided.firstIndex(of: index) else { return nil }
        undecided.remove(at: position)
        let recipient = request.recipients[index]
        var verdict = verdict
        var word =
            switch verdict.kind {
            case .sent: "sent"
            case .bounced: "bounced"
            case .deferred: "deferred"
            }
        if verdict.kind == .bounced, settings.softBounce, !isProbe {
            verdict.kind = .deferred
            verdict.status = "4" + verdict.status.dropFirst()
            word = "SOFTBOUNCE"
        }
        if isProbe { word = verdict.kind == .sent ? "deliverable" : "undeliverable" }
        log.info(
            DeliveryLog.line(
                queueID: request.queueID, recipient: recipient.address, original: recipient.originalAddress,
                relay: place.relay, connectionUse: place.uses,
                times: DeliveryTimes(request, handed: handed, connected: place.connected, done: clock.now()),
                dsn: verdict.status, status: word, text: verdict.text, resolution: settings.delayResolution))
        report.results.append(result(recipient, verdict, place))
        return verdict.kind == .sent && !isProbe ? recipient.offset : nil
    }

    private func result(_ recipient: DeliveryRecipient, _ verdict: RecipientVerdict, _ place: Circumstances)
        -> RecipientResult
    {
        let action: String
        let outcome: DeliveryOutcome
        var reason = verdict.text
        switch verdict.kind {
        case .sent:
            outcome = .delivered
            // A server that knows DSN sends success notifications itself (RFC 3461 §5.2.2).
            // Mail that goes nowhere (discard) is delivered, not relayed.
            let isFinal = settings.assumesFinalDelivery || place.relay == "none"
            action = place.serverHandlesDSN ? "" : isFinal ? "delivered" : "relayed"
            if place.relay != "none" { reason = "delivery via \(place.relay): \(verdict.text)" }
        case .bounced:
            outcome = .bounced
            action = "failed"
        case .deferred:
            outcome = .deferred
            action = "delayed"
        }
        // What this host found wrong by itself, no other has said.
        let isOurs = place.host.isEmpty || verdict.kind != .sent && verdict.diagnostic.isEmpty
        let probeAction = verdict.kind == .sent ? "deliverable" : "undeliverable"
        return RecipientResult(
            offset: recipient.offset, outcome: outcome, status: verdict.status, action: isProbe ? probeAction : action,
            reason: reason, diagnosticType: verdict.diagnostic.isEmpty ? "" : "smtp",
            diagnosticText: verdict.diagnostic,
            mtaType: isOurs ? "" : "dns", mtaName: isOurs ? "" : place.host)
    }

    /// Results of another agent, which has logged and marked them.
    mutating func adopt(_ results: [RecipientResult]) {
        for result in results {
            guard let index = undecided.firstIndex(where: { request.recipients[$0].offset == result.offset }) else {
                continue
            }
            undecided.remove(at: index)
            report.results.append(result)
        }
    }

    /// All that are left fail the same way.
    mutating func fail(_ failure: ServerFailure, _ place: Circumstances, concernsDestination: Bool) {
        let kind: RecipientVerdict.Kind = failure.isPermanent ? .bounced : .deferred
        for index in undecided {
            _ = record(
                index,
                .init(kind: kind, status: failure.status, text: failure.reason, diagnostic: failure.diagnostic), place)
        }
        if concernsDestination, !failure.isPermanent {
            report.destinationFailure = DestinationFailure(status: failure.status, reason: failure.reason)
        }
    }

    /// The whole request fails before anything was tried.
    func failAll(_ failure: ServerFailure) -> DeliveryReport {
        var copy = self
        copy.fail(failure, Circumstances(), concernsDestination: false)
        return copy.report
    }
}
