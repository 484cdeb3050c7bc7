import Configuration

/// The place of one planned process: the generation that serves, the successor on its way, those that drain.
final class ProcessSlot {
    var plan: PlannedProcess
    var current: ChildProcess?
    var successor: ChildProcess?
    var retired: [ChildProcess] = []
    /// Something asked for it: traffic on an endpoint, or the kind starts at once.
    var isWanted: Bool
    /// A new generation is due: reload, or a changed table.
    var needsSuccessor = false
    /// Not before this moment (monotonic seconds): back-off after crashes.
    var notBefore = 0.0
    private(set) var failures = 0

    init(_ plan: PlannedProcess) {
        self.plan = plan
        isWanted = !plan.key.kind.startsOnDemand
    }

    var children: [ChildProcess] { [current, successor].compactMap { $0 } + retired }

    /// The next of its kind must not start yet: an exclusive process still holds what it has.
    var isTaken: Bool { plan.key.kind.isExclusive && retired.contains { !$0.gaveWay } }

    /// The newest generation serves, or nobody has asked for one; and no other accepts anything.
    var isSettled: Bool {
        !needsSuccessor && successor == nil && (current?.state == .ready || !isWanted)
            && retired.allSatisfy(\.gaveWay)
    }

    /// True when the kernel may queue clients that nobody serves yet.
    var waitsForTraffic: Bool { !isWanted && current == nil }

    /// A process ended badly.
    /// - Returns: seconds until the next attempt: at once after a good run, then 1, 2, 4 … 60.
    func noteFailure(after lifetime: Double, now: Double) -> Double {
        failures = lifetime > 30 ? 1 : failures + 1
        let delay = failures == 1 ? 0 : min(60, Double(1 << min(failures - 2, 6)))
        notBefore = now + delay
        return delay
    }

    func noteReady() { notBefore = 0 }
}
