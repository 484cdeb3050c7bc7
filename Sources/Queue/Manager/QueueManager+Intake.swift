import InternalProtocol
import MailSyntax
import MailSystem
import Spool

/// A message's way into the active queue: its file is read, its recipients are routed.
extension QueueManager {
    func open(_ names: [Intake.QueueEntryName]) async {
        let store = environment.store
        let wall = environment.clock.now()
        let limit = max(settings.scheduler.recipientMinimum, scheduler.firstBatchLimit / max(1, names.count))
        let results = try? await environment.work.run(messages: names.count) {
            names.map { store.open($0, now: wall, recipientLimit: limit) }
        }
        openJobs -= 1
        for (index, name) in names.enumerated() {
            if let results { admit(name, results[index]) }
            opening.remove(name.id)
        }
        run()
    }

    private func admit(_ name: Intake.QueueEntryName, _ result: QueueStore.OpenResult) {
        switch result {
        case .opened(let opened):
            let message = ActiveMessage(
                opened, scheduled: scheduler.admit(queueID: name.id, now: now), activated: environment.clock.now())
            active[name.id] = message
            // `drain` gives it back with the others that nobody works on.
            if isStopped { return }
            if opened.requests.unthrottle { scheduler.forgetFailures(now: now) }
            logActive(message)
            spawn(on: message) { await $0.assign(opened.recipients, to: message) }
        case .locked:
            log.info("\(name.id): skipped, still being delivered")
            later(seconds: settings.lockedFirstRetry) { $0.intake.again(name) }
        case .corrupt(let reason):
            // Postfix has moved it into the active queue before it reads it, and says so.
            log.warning("\(name.id): message rejected: \(reason)")
            log.warning("saving corrupt file \"\(name.id)\" from queue \"active\" to queue \"corrupt\"")
        case .failed(let error):
            log.warning("\(name.id): \(error)")
            later(seconds: Double(settings.lockedRetryTime)) { $0.intake.wantScan(name.source) }
        case .notThere, .early: break
        }
    }

    /// Calls `body` on the event loop after a while, and opens what there is room for then.
    func later(seconds: Double, _ body: @escaping @Sendable (isolated QueueManager) -> Void) {
        eventLoop.scheduleTask(in: .nanoseconds(Int64(seconds * 1e9))) { [self] in
            assumeIsolated { manager in
                body(manager)
                manager.pump()
            }
        }
    }

    private func logActive(_ message: ActiveMessage) {
        let envelope = message.message
        let text =
            "\(message.id): from=<\(shown(envelope.sender))>, size=\(envelope.size.contentLength), "
            + "nrcpt=\(envelope.size.recipientCount) (queue active)"
        log.info(DeliveryLog.printable(text))
    }

    /// An address as log lines show it.
    func shown(_ address: String) -> String {
        settings.logsInternalAddresses ? address : EmailAddress.quoted(address)
    }

    /// Routes recipients and gives them to the scheduler.
    func assign(_ batch: [QueuedRecipient], to message: ActiveMessage) async {
        let done = unmarked[message.id.text] ?? []
        let recipients = done.isEmpty ? batch : batch.filter { !done.contains($0.offset) }
        message.finished += batch.lazy.map(\.offset).filter(done.contains)
        var routed: [RoutedRecipient] = []
        routed.reserveCapacity(recipients.count)
        var decided: [DecidedRecipient] = []
        for recipient in recipients {
            switch await route(recipient, of: message) {
            case .deliver(let delivery): routed.append(delivery)
            case .decided(let result): decided.append(result)
            }
        }
        message.recipientsSeen += batch.count
        let unread =
            message.next == nil ? 0 : max(1, message.message.size.recipientCount - message.recipientsSeen)
        scheduler.assign(message.scheduled, recipients: routed, settling: decided.count, unread: unread, now: now)
        if !decided.isEmpty { await settle(decided, of: message) }
        run()
    }

    /// Reads the next recipients of a message that has more than fit into memory.
    func refill(_ message: ActiveMessage, limit: Int) async {
        guard let cursor = message.next else {
            scheduler.assign(message.scheduled, recipients: [], unread: 0, now: now)
            return run()
        }
        let store = environment.store
        let (envelope, id) = (message.message, message.id)
        do {
            let (batch, next) = try await environment.work.run {
                try store.recipients(of: envelope, id: id, from: cursor, limit: limit)
            }
            message.next = next
            await assign(batch, to: message)
        } catch {
            log.warning("\(id): read recipients: \(error)")
            // What was not read stays in the file: the message is deferred and read again.
            message.next = nil
            message.hasDeferred = true
            scheduler.assign(message.scheduled, recipients: [], unread: 0, now: now)
            run()
        }
    }

    private enum Routed {
        case deliver(RoutedRecipient)
        case decided(DecidedRecipient)
    }

    private func route(_ queued: QueuedRecipient, of message: ActiveMessage) async -> Routed {
        let envelope = message.message
        var address = envelope.redirect.isEmpty ? queued.address : envelope.redirect
        let transport: String
        let nexthop: String
        if envelope.redirect.isEmpty, !envelope.contentFilter.isEmpty {
            (transport, nexthop) = filterRoute(envelope.contentFilter, recipient: address)
        } else {
            switch await environment.router.route(sender: envelope.sender, recipient: address) {
            case .later(let status, let reason):
                return .decided(DecidedRecipient(queued, address, .deferred, status, reason))
            case .never(let status, let reason):
                return .decided(DecidedRecipient(queued, address, .bounced, status, reason))
            case .deliver(let found, let next, let recipient, let isLocal):
                (transport, nexthop, address) = (found, next, recipient)
                if let decided = decide(queued, address, isLocal: isLocal) { return .decided(decided) }
            }
        }
        if settings.deferTransports.contains(transport), !message.requests.isFlush, !message.requests.unthrottle {
            return .decided(DecidedRecipient(queued, address, .deferred, "4.3.2", "deferred transport"))
        }
        var recipient = DeliveryRecipient(queued, address: address)
        if settings.confirmDelayCleared, let warned = envelope.warningTime, warned < 0, recipient.dsnNotify & 1 == 0 {
            recipient.dsnNotify |= 2
        }
        return .deliver(
            RoutedRecipient(recipient: recipient, transport: transport, nexthop: nexthop, recipientKey: key(address)))
    }

    /// Recipients that the queue manager itself accepts or refuses.
    private func decide(_ queued: QueuedRecipient, _ address: String, isLocal: Bool) -> DecidedRecipient? {
        if !settings.allowMinUser, address.utf8.first == UInt8(ascii: "-") {
            return DecidedRecipient(queued, address, .bounced, "5.1.3", "bad address syntax")
        }
        if isLocal, ASCII.equalIgnoringCase(EmailAddress.split(address).local, settings.doubleBounceSender) {
            return DecidedRecipient(
                queued, address, .delivered, "2.0.0", "undeliverable postmaster notification discarded")
        }
        return nil
    }

    /// `transport:nexthop` of a content_filter or FILTER action. Without next hop: default_filter_nexthop, or the
    /// recipient's domain.
    private func filterRoute(_ filter: String, recipient: String) -> (transport: String, nexthop: String) {
        let parts = filter.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let transport = parts.first.map { String(Substring($0)) } ?? ""
        let nexthop = parts.count > 1 ? String(Substring(parts[1])) : ""
        if !nexthop.isEmpty { return (transport, nexthop) }
        if !settings.defaultFilterNexthop.isEmpty { return (transport, settings.defaultFilterNexthop) }
        return (transport, EmailAddress.split(recipient).domain ?? "")
    }

    /// The recipient without address extension.
    func key(_ address: String) -> String {
        guard !settings.recipientDelimiter.isEmpty else { return ASCII.lowercased(address) }
        let (local, domain) = EmailAddress.split(address)
        let user = EmailAddress.splitExtension(local, delimiters: settings.recipientDelimiter).user
        return ASCII.lowercased(domain.map { "\(user)@\($0)" } ?? user)
    }
}

/// A recipient whose fate the queue manager decided without a delivery agent.
struct DecidedRecipient {
    var recipient: DeliveryRecipient
    var result: RecipientResult

    init(
        _ queued: QueuedRecipient, _ address: String, _ outcome: DeliveryOutcome, _ status: String, _ reason: String
    ) {
        self.init(DeliveryRecipient(queued, address: address), outcome, status, reason)
    }

    init(_ recipient: DeliveryRecipient, _ outcome: DeliveryOutcome, _ status: String, _ reason: String) {
        self.recipient = recipient
        let action =
            switch outcome {
            case .delivered: "delivered"
            case .deferred: "delayed"
            case .bounced: "failed"
            }
        result = RecipientResult(
            offset: recipient.offset, outcome: outcome, status: status, action: action, reason: reason)
    }
}
