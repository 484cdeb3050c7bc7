import DequeModule
import InternalProtocol

/// The deliveries of one transport to one next hop: how many may run together, and whether any may run at all
/// (SCHEDULER_README, "Concurrency scheduling").
final class Destination {
    unowned let transport: Transport
    /// Next hop, or the recipient where the transport schedules by recipient.
    let name: String
    /// Deliveries that may run together now.
    private(set) var window: Int
    var busy = 0
    /// Slots promised to peers that were woken and have not been selected yet.
    var reserved = 0
    /// Batches in memory that wait for delivery.
    var pending = 0
    private var success = 0.0
    private var failure = 0.0
    private var failedCohorts = 0.0
    /// Why no delivery is tried; ends by timer.
    private(set) var dead: DestinationFailure?
    /// Waiting for the rate delay to pass.
    var isPaused = false
    /// Told apart from an earlier suspension of the same destination by this number.
    var timerStamp = 0
    /// Peers that found no free slot, in the order they asked.
    var waiting = Deque<Peer>()
    /// Every peer with batches for this destination, by job.
    var peers: [ObjectIdentifier: Peer] = [:]
    var lastClogWarning: Moment?

    init(name: String, transport: Transport) {
        self.name = name
        self.transport = transport
        window = transport.settings.initialConcurrency
    }

    var hasRoom: Bool { dead == nil && !isPaused && busy + reserved < window }
    var isIdle: Bool { busy == 0 && pending == 0 && reserved == 0 }

    /// A delivery ended without connection or handshake failure.
    func recordSuccess() {
        let settings = transport.settings
        failedCohorts = 0
        // Feedback from deliveries that did not use the window says nothing about a larger one.
        guard window < busy + settings.initialConcurrency else { return }
        success += settings.positiveFeedback.value(at: window)
        while success >= 1 {
            window += 1
            success -= 1
            failure = 0
        }
        window = min(window, settings.concurrencyCeiling)
    }

    /// A delivery ended with connection or handshake failure. Returns true when the destination is dead from now on.
    func recordFailure(_ reason: DestinationFailure) -> Bool {
        guard dead == nil else { return false }
        let settings = transport.settings
        failedCohorts += 1 / Double(max(1, window))
        // 1/n summed n times may stay a little below 1.
        let limit = Double(settings.failedCohortLimit)
        if settings.failedCohortLimit > 0, failedCohorts + 1e-6 >= limit {
            dead = reason
            return true
        }
        failure -= settings.negativeFeedback.value(at: window)
        while failure < 0 {
            window -= 1
            failure += 1
            success = 0
        }
        window = max(window, 1)
        return false
    }

    /// Forgets everything learnt: the destination starts again.
    func revive() {
        dead = nil
        success = 0
        failure = 0
        failedCohorts = 0
        window = transport.settings.initialConcurrency
    }
}
