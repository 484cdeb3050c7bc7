import CSimulation
import MailSystem

/// Time, chance and the order of all that happens. One thread runs everything: each step of a process is chosen by the
/// seed among those that could run.
final class World: @unchecked Sendable {
    // Unchecked: one thread runs a world and everything in it.

    /// 23 November 2026, 10:00 UTC.
    static let start = 1_795_428_000

    private(set) var now: UInt64 = 1_000_000_000_000
    /// Microseconds that the wall clock is off.
    var clockOffset = 0
    /// Nanoseconds that the blocking call under way has waited.
    var pauseInCall: UInt64 = 0
    /// Microseconds that a blocking call may wait for a thread and the disk.
    var slowness = 200
    var random: Randomness
    var trace = Trace()
    /// What went wrong, and how often.
    private(set) var troubles: [Trouble: Int] = [:]
    private var events = EventQueue()
    private var lastNumber: UInt64 = 0
    /// Processes with steps to run now.
    private var runnable: [SimulatedProcess] = []
    private(set) var current: SimulatedProcess?
    private(set) var isInLoop = false
    private(set) var steps = 0
    /// What the world is about.
    var machine: SimulatedMachine?
    /// A run that takes so many steps does not end.
    var stepLimit = 3_000_000

    init(seed: UInt64) { random = Randomness(seed) }

    /// The world of this thread.
    static var ofThread: World? {
        simulation_world().map { Unmanaged<World>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Makes this thread's tasks run in this world during `body`.
    func enter<T>(_ body: () -> T) -> T {
        simulation_enter(Unmanaged.passUnretained(self).toOpaque()) { world, job, delay in
            guard let world, let job else { return }
            Unmanaged<World>.fromOpaque(world).takeUnretainedValue().enqueue(job, delay: UInt64(max(0, delay)))
        }
        defer { simulation_enter(nil, nil) }
        return body()
    }

    func note(_ kind: StaticString, _ text: @autoclosure () -> String) {
        trace.note(now, kind, text())
    }

    func count(_ trouble: Trouble) { troubles[trouble, default: 0] += 1 }

    // MARK: what is to come

    private func enqueue(_ job: UnsafeMutableRawPointer, delay: UInt64) {
        guard let current else { return }
        if delay == 0 {
            current.add(job)
        } else {
            schedule(after: delay, in: current) { current.add(job) }
        }
    }

    /// - Parameter process: dead processes' events do not happen.
    @discardableResult
    func schedule(after delay: UInt64, in process: SimulatedProcess?, _ body: @escaping () -> Void) -> EventToken {
        let token = EventToken()
        lastNumber += 1
        events.push(TimedEvent(time: now + delay, number: lastNumber, process: process, token: token, body: body))
        return token
    }

    func becameRunnable(_ process: SimulatedProcess) { runnable.append(process) }

    // MARK: running

    enum End { case idle, timeUp, tooManySteps }

    /// Lets things happen until nothing more is to come, or the time is up, or `until` says so.
    @discardableResult
    func run(seconds: Double, until: () -> Bool = { false }) -> End {
        let limit = now + UInt64(seconds * 1e9)
        while true {
            steps += 1
            if steps > stepLimit { return .tooManySteps }
            if runNext() { continue }
            if until() { return .idle }
            guard let next = events.nextTime else { return .idle }
            guard next <= limit else {
                now = limit
                return .timeUp
            }
            guard let event = events.pop() else { continue }
            guard event.token?.isCancelled != true, event.process?.isAlive ?? true else {
                Graveyard.bury(event.body)
                continue
            }
            now = max(now, event.time)
            perform(in: event.process, loop: false, event.body)
        }
    }

    /// One step of a process that has something to do.
    private func runNext() -> Bool {
        guard !runnable.isEmpty else { return false }
        let index = runnable.count == 1 ? 0 : random.below(runnable.count)
        let process = runnable[index]
        guard process.isAlive, let step = process.take(&random) else {
            process.isListed = false
            runnable.swapAt(index, runnable.count - 1)
            runnable.removeLast()
            return true
        }
        switch step {
        case .task(let body): perform(in: process, loop: true, body)
        case .job(let job): perform(in: process, loop: false) { simulation_run(job) }
        }
        return true
    }

    /// Nothing more happens.
    func end() {
        while let event = events.pop() { Graveyard.bury(event.body) }
    }

    /// Runs code as a process.
    func perform(in process: SimulatedProcess?, loop: Bool, _ body: () -> Void) {
        let before = (current, isInLoop)
        (current, isInLoop) = (process, loop)
        body()
        (current, isInLoop) = before
    }
}

/// The clocks of the machine.
struct WorldClock: MailClock {
    let world: World

    func now() -> MailTime {
        let passed = Int((world.now + world.pauseInCall) / 1000) - 1_000_000_000 + world.clockOffset
        let micros = World.start * 1_000_000 + passed
        return MailTime(seconds: micros / 1_000_000, microseconds: micros % 1_000_000)
    }

    func monotonicNanoseconds() -> UInt64 { world.now + world.pauseInCall }
}
