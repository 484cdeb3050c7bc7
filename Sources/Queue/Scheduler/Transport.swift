import InternalProtocol

/// One delivery transport: its destinations, its jobs, and the choice of the next delivery.
final class Transport {
    let name: String
    let settings: TransportSettings
    var destinations: [String: Destination] = [:]
    /// Deliveries running.
    var busy = 0
    /// Recipients in memory.
    var heldRecipients = 0
    /// Why nothing is handed to the delivery agent; ends by timer.
    var failure: DestinationFailure?
    /// Waiting for the transport's rate delay to pass.
    var isPaused = false
    var timerStamp = 0
    /// Waits in the scheduler's round of transports.
    var isQueued = false
    private var ready = ReadyJobs()
    /// The job being delivered is the last; those before it were set aside for smaller ones.
    private var stack: [Job] = []

    init(name: String, settings: TransportSettings) {
        self.name = name
        self.settings = settings
    }

    var mayDeliver: Bool { failure == nil && !isPaused && busy < settings.deliveriesAtOnce }

    /// A peer's destination has room, or the peer got its first batch.
    func makeSelectable(_ peer: Peer) {
        let job = peer.job
        peer.isQueued = true
        job.selectable.append(peer)
        switch job.place {
        case .nowhere: ready.insert(job)
        case .ready(let size) where size != ReadyJobs.sizeClass(job.remaining): ready.insert(job)
        case .ready, .stacked: break
        }
    }

    /// The next batch to deliver, round robin over the destinations of the current job.
    func select(now: Moment) -> (job: Job, destination: Destination, batch: Batch)? {
        while let job = currentJob(now: now) {
            while let peer = job.selectable.popFirst() {
                peer.isQueued = false
                if let batch = take(from: peer, of: job) { return (job, peer.destination, batch) }
            }
            // Every destination of the job is busy: it does not take part until one wakes it.
            stack.removeLast()
            job.place = .nowhere
        }
        return nil
    }

    private func take(from peer: Peer, of job: Job) -> Batch? {
        let destination = peer.destination
        guard !peer.batches.isEmpty else {
            releaseSlot(of: peer)
            return nil
        }
        guard peer.holdsSlot || destination.hasRoom else {
            peer.isQueued = true
            destination.waiting.append(peer)
            return nil
        }
        if peer.holdsSlot {
            peer.holdsSlot = false
            destination.reserved -= 1
        }
        guard let batch = peer.batches.popFirst() else { return nil }
        job.pending -= 1
        job.earned += 1
        destination.pending -= 1
        if peer.batches.isEmpty {
            destination.peers[ObjectIdentifier(job)] = nil
            job.peers[ObjectIdentifier(destination)] = nil
        } else {
            peer.isQueued = true
            job.selectable.append(peer)
        }
        return batch
    }

    /// Takes every batch that waits for `destination` out of the schedule.
    func withdraw(from destination: Destination, _ body: (Job, Batch) -> Void) {
        let peers = destination.peers.values.sorted { $0.job.message.sequence < $1.job.message.sequence }
        destination.peers.removeAll()
        destination.waiting.removeAll()
        destination.pending = 0
        for peer in peers {
            let job = peer.job
            if peer.holdsSlot {
                peer.holdsSlot = false
                destination.reserved -= 1
            }
            job.peers[ObjectIdentifier(destination)] = nil
            job.pending -= peer.batches.count
            if job.pending == 0, case .ready = job.place { job.place = .nowhere }
            while let batch = peer.batches.popFirst() { body(job, batch) }
        }
    }

    private func releaseSlot(of peer: Peer) {
        guard peer.holdsSlot else { return }
        peer.holdsSlot = false
        peer.destination.reserved -= 1
        wakePeers(of: peer.destination)
    }

    /// Gives free slots of a destination to the peers that wait for it.
    func wakePeers(of destination: Destination) {
        while destination.hasRoom, let peer = destination.waiting.popFirst() {
            guard !peer.batches.isEmpty, !peer.holdsSlot else { continue }
            peer.holdsSlot = true
            destination.reserved += 1
            makeSelectable(peer)
        }
    }

    /// The job at whose turn it is, after letting a smaller one pass where the current one has earned it.
    private func currentJob(now: Moment) -> Job? {
        while let top = stack.last, top.selectable.isEmpty {
            stack.removeLast()
            top.place = .nowhere
        }
        if stack.count == 1, let only = stack.first, let older = ready.oldest(),
            older.message.sequence < only.message.sequence
        {
            // An older job was blocked and is not any more: its turn comes first.
            stack.removeLast()
            ready.insert(only)
        }
        if stack.isEmpty {
            guard let oldest = ready.oldest() else { return nil }
            push(oldest)
        }
        while let current = stack.last, let smaller = preempting(current, now: now) { push(smaller) }
        return stack.last
    }

    /// The job goes before another one now.
    func letPass(_ job: Job) -> Bool { job.place == .stacked && stack.first !== job }

    private func push(_ job: Job) {
        job.place = .stacked
        stack.append(job)
    }

    /// The job that may go before `current` now, which pays for it with the slots it has earned. The decision is that
    /// of SCHEDULER_README, "How the preemption works"; each level needs a several times smaller job, so the stack
    /// stays short.
    private func preempting(_ current: Job, now: Moment) -> Job? {
        let cost = settings.deliverySlotCost
        guard cost > 0 else { return nil }
        let atMost = (current.earned - current.spent + current.remaining) / cost
        guard atMost >= max(1, settings.minimumDeliverySlots),
            let candidate = ready.bestCandidate(slots: atMost, now: now)
        else { return nil }
        let needed = candidate.remaining
        let saved = (current.earned - current.spent) / cost
        let discounted = needed - needed * settings.deliverySlotDiscount / 100
        guard saved + settings.deliverySlotLoan >= discounted else { return nil }
        current.spent += needed * cost
        return candidate
    }
}
