import DequeModule
import InternalProtocol

/// What the scheduler wants done.
public enum SchedulerAction {
    /// Hand the batch to the delivery agent, and call `completed` when it has answered.
    case deliver(Delivery)
    /// Put the recipients off without trying: their destination or transport is known not to work. Call `settled`
    /// when their defer log entries are written.
    case suspend(ScheduledMessage, [DeliveryRecipient], DestinationFailure)
    /// Read up to this many more recipients of the message and call `assign`.
    case refill(ScheduledMessage, limit: Int)
    /// No recipient is left in memory or unread: the message leaves the active queue.
    case finished(ScheduledMessage)
    case warning(String)
    case log(String)
}

/// The queue manager's choice of what to deliver next. Pure: events go in with the time at which they happen, actions
/// come out. One event costs the same whether ten messages are active or twenty thousand; memory is bounded by the
/// limits of `SchedulerSettings` and `TransportSettings`, because no more messages are admitted and no more recipients
/// read than these allow.
public final class Scheduler {
    public let settings: SchedulerSettings
    private let transportSettings: (String) -> TransportSettings
    private var transports: [String: Transport] = [:]
    /// Transports with something to select, round robin.
    private var round = Deque<Transport>()
    private var timers = TimerQueue<TimerSubject>()
    private var actions: [SchedulerAction] = []
    private var nextSequence: UInt64 = 0
    private var suspended = 0
    public private(set) var messageCount = 0
    public private(set) var recipientCount = 0

    private enum TimerSubject {
        case destination(Destination, stamp: Int)
        case transport(Transport, stamp: Int)
    }

    public init(settings: SchedulerSettings, transportSettings: @escaping (String) -> TransportSettings) {
        self.settings = settings
        self.transportSettings = transportSettings
    }

    public var hasRoom: Bool { messageCount < settings.messageLimit }

    // MARK: messages

    /// A message enters the active queue; its first recipients are being read.
    public func admit(queueID: String, now: Moment) -> ScheduledMessage {
        messageCount += 1
        nextSequence &+= 1
        return ScheduledMessage(queueID: queueID, sequence: nextSequence, activated: now)
    }

    /// How many recipients to read of a message that was just admitted.
    public var firstBatchLimit: Int { max(settings.recipientMinimum, settings.recipientLimit - recipientCount) }

    /// Recipients of a message have been read and routed.
    /// - Parameters:
    ///   - settling: recipients of the same batch that the caller finishes by itself, calling `settled` for them.
    ///   - unread: how many may still be in the queue file.
    public func assign(
        _ message: ScheduledMessage, recipients: [RoutedRecipient], settling: Int = 0, unread: Int, now: Moment
    ) {
        message.isReading = false
        message.lastRefill = now
        message.unreadRecipients = max(0, unread)
        message.heldRecipients += settling
        recipientCount += settling
        schedule(message, recipients, now: now)
        review(message, now: now)
    }

    /// Recipients whose delivery did not take place are to be tried again. Call before `settled` for that delivery.
    public func resubmit(_ message: ScheduledMessage, _ recipients: [RoutedRecipient], now: Moment) {
        schedule(message, recipients, now: now)
    }

    private func schedule(_ message: ScheduledMessage, _ recipients: [RoutedRecipient], now: Moment) {
        message.heldRecipients += recipients.count
        recipientCount += recipients.count
        var refused: [ObjectIdentifier: (DestinationFailure, [DeliveryRecipient])] = [:]
        for routed in recipients {
            let transport = transport(named: routed.transport)
            if let failure = transport.failure {
                refused[ObjectIdentifier(transport), default: (failure, [])].1.append(routed.recipient)
                continue
            }
            let key = transport.settings.schedulesByRecipient ? routed.recipientKey : routed.nexthop
            let destination = destination(named: key, of: transport)
            if let failure = destination.dead {
                refused[ObjectIdentifier(destination), default: (failure, [])].1.append(routed.recipient)
                continue
            }
            add(routed, of: message, to: destination, now: now)
        }
        for (failure, recipients) in refused.values { actions.append(.suspend(message, recipients, failure)) }
    }

    /// The message cannot be read, or is put aside: forget it. Only before its first `assign`.
    public func dismiss(_ message: ScheduledMessage) {
        guard !message.isFinished, message.heldRecipients == 0 else { return }
        message.isFinished = true
        messageCount -= 1
    }

    /// The bookkeeping for `count` recipients of a delivery, of a suspension, or of the caller's own is done.
    public func settled(_ message: ScheduledMessage, count: Int, now: Moment) {
        message.heldRecipients -= count
        recipientCount -= count
        review(message, now: now)
    }

    // MARK: deliveries

    /// A delivery has ended. The recipients still count until `settled`.
    public func completed(_ delivery: Delivery, _ end: DeliveryEnd, now: Moment) {
        let destination = delivery.destination
        let transport = destination.transport
        let before = destination.window
        switch end {
        case .answered: destination.recordSuccess()
        case .unreachable(let failure):
            let reason = DestinationFailure(
                status: failure.status, reason: "delivery temporarily suspended: \(failure.reason)")
            if destination.recordFailure(reason) { suspend(destination, reason, now: now) }
        case .transportFailed(let failure): suspend(transport, failure, now: now)
        }
        if settings.debugFeedback, before != destination.window {
            actions.append(
                .log(
                    "\(transport.name):\(destination.name) concurrency changed from \(before) to \(destination.window)")
            )
        }
        destination.busy -= 1
        transport.busy -= 1
        transport.heldRecipients -= delivery.recipients.count
        if destination.dead == nil, transport.settings.destinationRateDelay > 0 {
            destination.isPaused = true
            setTimer(destination, seconds: transport.settings.destinationRateDelay, now: now)
        }
        transport.wakePeers(of: destination)
        discardIfIdle(destination)
        enqueue(transport)
    }

    /// What is to be done now. Call after every event.
    public func takeActions(now: Moment) -> [SchedulerAction] {
        fireTimers(now)
        while let transport = round.popFirst() {
            transport.isQueued = false
            guard transport.mayDeliver, let chosen = transport.select(now: now) else { continue }
            chosen.destination.busy += 1
            transport.busy += 1
            if transport.settings.transportRateDelay > 0 {
                transport.isPaused = true
                setTimer(transport, seconds: transport.settings.transportRateDelay, now: now)
            }
            actions.append(
                .deliver(
                    Delivery(
                        message: chosen.job.message, recipients: chosen.batch.recipients, nexthop: chosen.batch.nexthop,
                        destination: chosen.destination, moreToCome: chosen.destination.pending > 0)))
            enqueue(transport)
        }
        let result = actions
        actions.removeAll(keepingCapacity: true)
        return result
    }

    /// When to call `takeActions` if nothing happens before.
    public var nextTimer: Moment? { timers.next }

    /// Forgets which destinations and transports do not work (trigger F).
    public func forgetFailures(now: Moment) {
        for transport in transports.values {
            if transport.failure != nil {
                transport.failure = nil
                transport.isPaused = false
            }
            for destination in transport.destinations.values where destination.dead != nil {
                destination.isPaused = false
                revive(destination)
            }
            enqueue(transport)
        }
    }

    public func isSuspended(transport name: String) -> Bool { transports[name]?.failure != nil }

    // MARK: inside

    private func transport(named name: String) -> Transport {
        if let known = transports[name] { return known }
        let transport = Transport(name: name, settings: transportSettings(name))
        transports[name] = transport
        return transport
    }

    private func destination(named name: String, of transport: Transport) -> Destination {
        if let known = transport.destinations[name] { return known }
        let destination = Destination(name: name, transport: transport)
        transport.destinations[name] = destination
        return destination
    }

    private func add(
        _ routed: RoutedRecipient, of message: ScheduledMessage, to destination: Destination, now: Moment
    ) {
        let transport = destination.transport
        let job = message.jobs.first { $0.transport === transport } ?? newJob(message, transport)
        let peer: Peer
        if let known = job.peers[ObjectIdentifier(destination)] {
            peer = known
        } else {
            peer = Peer(job: job, destination: destination)
            job.peers[ObjectIdentifier(destination)] = peer
            destination.peers[ObjectIdentifier(job)] = peer
        }
        transport.heldRecipients += 1
        let last = peer.batches.count - 1
        if last >= 0, peer.batches[last].recipients.count < transport.settings.recipientsPerDelivery,
            peer.batches[last].nexthop == routed.nexthop
        {
            peer.batches[last].recipients.append(routed.recipient)
        } else {
            peer.batches.append(Batch(nexthop: routed.nexthop, recipients: [routed.recipient]))
            job.pending += 1
            destination.pending += 1
            warnIfClogged(destination, now: now)
        }
        if !peer.isQueued {
            transport.makeSelectable(peer)
            enqueue(transport)
        }
    }

    private func newJob(_ message: ScheduledMessage, _ transport: Transport) -> Job {
        let job = Job(message: message, transport: transport)
        message.jobs.append(job)
        return job
    }

    /// Reads more recipients when there is room for them, and lets go of a message that has none left.
    private func review(_ message: ScheduledMessage, now: Moment) {
        guard !message.isReading, !message.isFinished else { return }
        guard message.unreadRecipients > 0 else {
            guard message.heldRecipients == 0 else { return }
            message.isFinished = true
            message.jobs.removeAll()
            messageCount -= 1
            actions.append(.finished(message))
            return
        }
        var room = 0
        var step = Int.max
        var delay = Int.max
        for job in message.jobs {
            let limits = job.transport.settings
            // A job that was let pass is worth some more memory: it must not stand in the way for want of recipients.
            let extra = job.transport.letPass(job) ? limits.extraRecipientLimit : 0
            room += max(0, limits.recipientLimit + extra - job.transport.heldRecipients)
            step = min(step, limits.recipientRefillLimit)
            delay = min(delay, limits.recipientRefillDelay)
        }
        // What this message may hold grows with the room; without room it goes on in the smallest steps.
        let drained = message.heldRecipients == 0
        guard drained || room >= step || (room > 0 && now.seconds(since: message.lastRefill) >= delay) else { return }
        guard drained || message.heldRecipients < settings.recipientLimit / 2 else { return }
        message.isReading = true
        let most = max(settings.recipientMinimum, min(room, settings.recipientLimit - message.heldRecipients))
        actions.append(.refill(message, limit: most))
    }

    private func enqueue(_ transport: Transport) {
        guard !transport.isQueued, transport.mayDeliver else { return }
        transport.isQueued = true
        round.append(transport)
    }

    private func suspend(_ destination: Destination, _ failure: DestinationFailure, now: Moment) {
        suspended += 1
        setTimer(destination, seconds: settings.deadDestinationTime, now: now)
        withdraw(destination, failure)
    }

    private func suspend(_ transport: Transport, _ failure: DestinationFailure, now: Moment) {
        guard transport.failure == nil else { return }
        transport.failure = failure
        setTimer(transport, seconds: settings.transportRetryTime, now: now)
        for destination in Array(transport.destinations.values) {
            withdraw(destination, failure)
            discardIfIdle(destination)
        }
    }

    private func withdraw(_ destination: Destination, _ failure: DestinationFailure) {
        let transport = destination.transport
        transport.withdraw(from: destination) { job, batch in
            transport.heldRecipients -= batch.recipients.count
            actions.append(.suspend(job.message, batch.recipients, failure))
        }
    }

    private func revive(_ destination: Destination) {
        guard destination.dead != nil else { return }
        suspended -= 1
        destination.revive()
        destination.timerStamp += 1
        discardIfIdle(destination)
    }

    /// A destination without work is forgotten, with what was learnt about it; a dead one is remembered as long as
    /// there are not too many.
    private func discardIfIdle(_ destination: Destination) {
        guard destination.isIdle, !destination.isPaused else { return }
        if destination.dead != nil {
            guard suspended > settings.recipientLimit else { return }
            suspended -= 1
            destination.timerStamp += 1
        }
        let transport = destination.transport
        if transport.destinations[destination.name] === destination {
            transport.destinations[destination.name] = nil
        }
    }

    private func setTimer(_ destination: Destination, seconds: Int, now: Moment) {
        destination.timerStamp += 1
        timers.add(.destination(destination, stamp: destination.timerStamp), at: now.adding(seconds: seconds))
    }

    private func setTimer(_ transport: Transport, seconds: Int, now: Moment) {
        transport.timerStamp += 1
        timers.add(.transport(transport, stamp: transport.timerStamp), at: now.adding(seconds: seconds))
    }

    private func fireTimers(_ now: Moment) {
        while let subject = timers.popDue(now) {
            switch subject {
            case .destination(let destination, let stamp):
                guard stamp == destination.timerStamp else { continue }
                destination.isPaused = false
                if destination.dead != nil {
                    revive(destination)
                } else {
                    destination.transport.wakePeers(of: destination)
                    discardIfIdle(destination)
                }
                enqueue(destination.transport)
            case .transport(let transport, let stamp):
                guard stamp == transport.timerStamp else { continue }
                transport.failure = nil
                transport.isPaused = false
                enqueue(transport)
            }
        }
    }

    private func warnIfClogged(_ destination: Destination, now: Moment) {
        let length = destination.pending + destination.busy
        guard settings.clogWarningTime > 0, length > settings.messageLimit / 5 else { return }
        if let last = destination.lastClogWarning, now.seconds(since: last) < settings.clogWarningTime { return }
        destination.lastClogWarning = now
        for text in ClogWarning.lines(destination, length: length, active: messageCount) {
            actions.append(.warning(text))
        }
    }
}
