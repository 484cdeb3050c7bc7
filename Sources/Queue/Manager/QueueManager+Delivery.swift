import InternalProtocol
import MailSyntax
import MailSystem
import NIOCore
import Spool

/// Deliveries: requests to the agents, and what their reports change.
extension QueueManager {
    func dispatch(_ delivery: Delivery) {
        guard let message = active[delivery.message.queueID] else {
            // Cannot be: a scheduled message is active. Free the slot all the same.
            scheduler.completed(delivery, .answered, now: now)
            scheduler.settled(delivery.message, count: delivery.recipients.count, now: now)
            return
        }
        spawn(on: message) { await $0.deliver(delivery, of: message) }
    }

    private func deliver(_ delivery: Delivery, of message: ActiveMessage) async {
        let request = request(delivery, of: message)
        let agent = environment.agent(delivery.transport)
        let report: DeliveryReport
        let end: DeliveryEnd
        do {
            report = try await ask(agent, request, of: message)
            end = report.destinationFailure.map { .unreachable($0) } ?? .answered
        } catch {
            if await resume(delivery, of: message, after: error) { return }
            // The next generation sees in the file what the agent has done.
            if isStopped { return }
            let failure = transportFailure(delivery.transport, error)
            report = DeliveryReport(results: [])
            end = .transportFailed(failure)
        }
        scheduler.completed(delivery, end, now: now)
        if !isStopped { run() }
        await settle(report, of: delivery, message: message, end: end)
        scheduler.settled(delivery.message, count: delivery.recipients.count, now: now)
        run()
    }

    /// Between two masters nobody listens for a moment: one more try before the transport counts as dead.
    private func ask(_ agent: any InternalCaller, _ request: DeliveryRequest) async throws -> DeliveryReport {
        do {
            return try await agent.call(request)
        } catch let error as InternalProtocolError {
            guard case .connectionFailed = error, !isStopped else { throw error }
            let pause = TimeAmount.milliseconds(Int64(settings.connectRetryMilliseconds))
            try await eventLoop.scheduleTask(in: pause) {}.futureResult.get()
            guard !isStopped else { throw error }
            return try await agent.call(request)
        }
    }

    /// With VERP each recipient has a sender address of its own.
    private func ask(
        _ agent: any InternalCaller, _ request: DeliveryRequest, of message: ActiveMessage
    ) async throws -> DeliveryReport {
        guard !request.sender.isEmpty, let delimiters = VERPDelimiters(message.message.verp) else {
            return try await ask(agent, request)
        }
        var whole = DeliveryReport(results: [])
        for recipient in request.recipients {
            var single = request
            let original = recipient.originalAddress.isEmpty ? recipient.address : recipient.originalAddress
            single.sender = delimiters.sender(request.sender, for: original)
            single.recipients = [recipient]
            let report = try await ask(agent, single)
            whole.results += report.results
            whole.destinationFailure = whole.destinationFailure ?? report.destinationFailure
        }
        return whole
    }

    /// An agent that ended, in a reload or a crash, is asked again once: its successor takes the recipients that it
    /// had not marked as finished.
    private func resume(_ delivery: Delivery, of message: ActiveMessage, after error: any Error) async -> Bool {
        guard case InternalProtocolError.connectionLost = error, !isStopped, message.lostConnections < 2 else {
            return false
        }
        message.lostConnections += 1
        let store = environment.store
        let id = message.id
        let offsets = delivery.recipients.map(\.offset)
        guard let open = try? await environment.work.run({ try store.unfinished(offsets, id: id) }), !isStopped else {
            return false
        }
        let left = delivery.recipients.filter { open.contains($0.offset) }
        scheduler.completed(delivery, .answered, now: now)
        scheduler.resubmit(
            message.scheduled,
            left.map {
                RoutedRecipient(
                    recipient: $0, transport: delivery.transport, nexthop: delivery.nexthop,
                    recipientKey: key($0.address))
            }, now: now)
        scheduler.settled(message.scheduled, count: delivery.recipients.count, now: now)
        run()
        return true
    }

    private func transportFailure(_ transport: String, _ error: any Error) -> DestinationFailure {
        if case InternalProtocolError.connectionFailed(_, let reason) = error {
            log.warning("connect to transport private/\(transport): \(reason)")
            return DestinationFailure(status: "4.3.0", reason: "mail transport unavailable")
        }
        log.warning(
            "transport \(transport) failure -- see a previous warning/fatal/panic logfile record for the problem description"
        )
        return DestinationFailure(status: "4.3.0", reason: "unknown mail transport error")
    }

    private func request(_ delivery: Delivery, of message: ActiveMessage) -> DeliveryRequest {
        let envelope = message.message
        var request = DeliveryRequest(
            service: delivery.transport, nexthop: delivery.nexthop, queueID: message.id.text, sender: envelope.sender,
            recipients: delivery.recipients)
        request.encoding = envelope.encoding
        request.dataOffset = envelope.size.dataOffset
        request.contentLength = envelope.size.contentLength
        request.sendOptions = envelope.size.sendOptions.rawValue
        request.envelopeID = envelope.dsnEnvelopeID
        request.dsnReturn = envelope.dsnReturn
        request.flags = message.flags
        if delivery.moreToCome { request.flags.insert(.connectionReuse) }
        request.arrivalSeconds = envelope.arrival.seconds
        request.arrivalMicroseconds = envelope.arrival.microseconds
        request.activeSeconds = message.activated.seconds
        request.activeMicroseconds = message.activated.microseconds
        request.origin.clientName = envelope.clientName
        request.origin.clientAddress = envelope.clientAddress
        request.origin.clientPort = envelope.clientPort
        request.origin.protocolName = envelope.protocolName
        request.origin.heloName = envelope.heloName
        request.origin.saslMethod = envelope.saslMethod
        request.origin.saslUsername = envelope.saslUsername
        request.origin.saslSender = envelope.saslSender
        request.origin.logIdent = envelope.logIdent.isEmpty ? message.id.text : envelope.logIdent
        request.origin.rewriteContext = envelope.rewriteContext
        return request
    }

    /// Writes down what an agent reported.
    private func settle(
        _ report: DeliveryReport, of delivery: Delivery, message: ActiveMessage, end: DeliveryEnd
    ) async {
        // The common end of a delivery leaves nothing to write.
        if !message.isVerification, report.results.count == delivery.recipients.count,
            zip(report.results, delivery.recipients).allSatisfy({ result, recipient in
                result.offset == recipient.offset && result.outcome == .delivered
                    && !isTraced(result, recipient, message)
            })
        {
            message.finished += delivery.recipients.map(\.offset)
            return
        }
        var results: [Int: RecipientResult] = [:]
        for result in report.results { results[result.offset] = result }
        var settled: [(DeliveryRecipient, RecipientResult)] = []
        var unanswered: [DecidedRecipient] = []
        for recipient in delivery.recipients {
            if let result = results[recipient.offset] {
                settled.append((recipient, result))
                continue
            }
            var (status, reason) = ("4.3.0", "unknown mail transport error")
            if case .transportFailed(let failure) = end { (status, reason) = (failure.status, failure.reason) }
            let decided = DecidedRecipient(recipient, .deferred, status, reason)
            unanswered.append(decided)
            settled.append((recipient, decided.result))
        }
        for decided in unanswered { logDecision(decided, of: message, environment.errorLog) }
        await record(settled, of: message)
    }

    private func isTraced(_ result: RecipientResult, _ recipient: DeliveryRecipient, _ message: ActiveMessage) -> Bool {
        guard !result.action.isEmpty else { return false }
        return message.flags.contains(.record) || recipient.dsnNotify & 2 != 0
    }

    /// Recipients that are put off without a try, because their destination or transport does not work.
    func suspend(_ recipients: [DeliveryRecipient], of message: ActiveMessage, _ failure: DestinationFailure) async {
        let decided = recipients.map { DecidedRecipient($0, .deferred, failure.status, failure.reason) }
        for recipient in decided { logDecision(recipient, of: message, environment.errorLog) }
        await record(decided.map { ($0.recipient, $0.result) }, of: message)
        scheduler.settled(message.scheduled, count: decided.count, now: now)
        run()
    }

    /// Recipients that the queue manager decided on while routing.
    func settle(_ decided: [DecidedRecipient], of message: ActiveMessage) async {
        for recipient in decided { logDecision(recipient, of: message, log) }
        await record(decided.map { ($0.recipient, $0.result) }, of: message, agentMarks: false)
        scheduler.settled(message.scheduled, count: decided.count, now: now)
    }

    private func logDecision(_ decided: DecidedRecipient, of message: ActiveMessage, _ log: MailLog) {
        let wall = environment.clock.now()
        let status =
            switch decided.result.outcome {
            case .delivered: "sent"
            case .deferred: "deferred"
            case .bounced: "bounced"
            }
        log.info(
            DeliveryLog.line(
                queueID: message.id.text, recipient: decided.recipient.address,
                original: decided.recipient.originalAddress, relay: "none",
                times: DeliveryTimes(
                    arrived: message.message.arrival, active: message.activated, handed: wall, done: wall),
                dsn: decided.result.status, status: status, text: decided.result.reason,
                resolution: settings.delayResolution))
    }

    /// Appends to the defer, bounce and trace logs, and marks the recipients that are finished.
    /// - Parameter agentMarks: delivered recipients were marked by the delivery agent.
    private func record(
        _ results: [(recipient: DeliveryRecipient, result: RecipientResult)], of message: ActiveMessage,
        agentMarks: Bool = true
    ) async {
        var (deferred, bounced, traced): ([RecipientLogEntry], [RecipientLogEntry], [RecipientLogEntry]) = ([], [], [])
        var done: [Int] = []
        var deferredSites: Set<String> = []
        for (recipient, result) in results {
            let entry = RecipientLogEntry(recipient, result)
            if message.isVerification {
                traced.append(entry)
                done.append(recipient.offset)
                continue
            }
            switch result.outcome {
            case .delivered:
                message.finished.append(recipient.offset)
                if isTraced(result, recipient, message) { traced.append(entry) }
                if !agentMarks { done.append(recipient.offset) }
            case .deferred:
                deferred.append(entry)
                if let domain = EmailAddress.split(recipient.address).domain { deferredSites.insert(domain) }
            case .bounced:
                bounced.append(entry)
                done.append(recipient.offset)
            }
            if message.flags.contains(.record), result.outcome != .delivered { traced.append(entry) }
        }
        message.hasDeferred = message.hasDeferred || !deferred.isEmpty
        message.hasBounced = message.hasBounced || !bounced.isEmpty
        message.hasTrace = message.hasTrace || !traced.isEmpty
        message.wroteDeferLog = message.wroteDeferLog || !deferred.isEmpty
        // Whoever sees it in the deferred queue may ask for its site's mail at once.
        for site in deferredSites.sorted() { await environment.noteDeferred(site, message.id) }
        await beginRecording(message)
        defer { endRecording(message) }
        let store = environment.store
        let id = message.id
        let (deferEntries, bounceEntries, traceEntries, marks) = (deferred, bounced, traced, done)
        do {
            try await environment.work.run {
                try store.append(deferEntries, to: "defer", id: id)
                try store.append(traceEntries, to: "trace", id: id)
                try store.append(bounceEntries, to: "bounce", id: id)
                // Only what is in a log may count as finished.
                if !marks.isEmpty { try? store.markDone(marks, id: id) }
            }
            message.finished += marks
        } catch {
            log.warning("\(id): record delivery status: \(error)")
            message.hasDeferred = true
        }
    }
}

extension QueueManager {
    /// Two deliveries of one message never write its logs at the same time.
    private func beginRecording(_ message: ActiveMessage) async {
        if message.isRecording {
            await withCheckedContinuation { message.recordWaiters.append($0) }
        } else {
            message.isRecording = true
        }
    }

    private func endRecording(_ message: ActiveMessage) {
        if message.recordWaiters.isEmpty {
            message.isRecording = false
        } else {
            message.recordWaiters.removeFirst().resume()
        }
    }
}

extension RecipientLogEntry {
    init(_ recipient: DeliveryRecipient, _ result: RecipientResult) {
        self.init(
            recipient: recipient.address, originalRecipient: recipient.originalAddress, offset: recipient.offset,
            dsnOriginalRecipient: recipient.dsnOriginalRecipient, dsnNotify: recipient.dsnNotify,
            status: result.status, action: result.action, diagnosticType: result.diagnosticType,
            diagnosticText: result.diagnosticText, mtaType: result.mtaType, mtaName: result.mtaName,
            reason: result.reason)
    }
}
