import Runtime
import Synchronization

/// One process of the simulated machine, from its start to its end: its event loop, its tasks, its threads.
final class SimulatedProcess: @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    enum Step {
        case task(() -> Void)
        case job(UnsafeMutableRawPointer)
    }

    let world: World
    /// `queue#3`
    let name: String
    let kind: String
    private(set) var isAlive = true
    /// In the world's list of those that can run.
    var isListed = false
    private var tasks: [() -> Void] = []
    private var nextTask = 0
    private var jobs: [UnsafeMutableRawPointer] = []
    /// Called when the process ends.
    var atEnd: [() -> Void] = []
    lazy var loop = SimulatedLoop(self)

    init(_ world: World, kind: String, number: Int) {
        self.world = world
        self.kind = kind
        name = "\(kind)#\(number)"
    }

    func add(_ task: @escaping () -> Void) {
        guard isAlive else { return Graveyard.bury(task) }
        tasks.append(task)
        list()
    }

    func add(_ job: UnsafeMutableRawPointer) {
        guard isAlive else { return }
        jobs.append(job)
        list()
    }

    private func list() {
        guard !isListed else { return }
        isListed = true
        world.becameRunnable(self)
    }

    /// The loop keeps the order of its tasks; threads do not.
    func take(_ random: inout Randomness) -> Step? {
        let hasTask = nextTask < tasks.count
        if !jobs.isEmpty, !hasTask || random.oneIn(2) {
            let index = random.below(jobs.count)
            jobs.swapAt(index, jobs.count - 1)
            return .job(jobs.removeLast())
        }
        guard hasTask else { return nil }
        let task = tasks[nextTask]
        nextTask += 1
        if nextTask == tasks.count {
            tasks.removeAll(keepingCapacity: true)
            nextTask = 0
        }
        return .task(task)
    }

    /// kill -9, or its last step.
    func end() {
        guard isAlive else { return }
        isAlive = false
        // Freed promises and continuations would complain that nobody fulfilled them.
        for task in tasks[nextTask...] { Graveyard.bury(task) }
        tasks = []
        jobs = []
        let closing = atEnd
        atEnd = []
        for close in closing { close() }
    }

    /// Threads for blocking calls: each runs at some moment, as a whole.
    func makePool() -> BlockingPool {
        BlockingPool { [unowned self] job in
            let delay = UInt64(world.random.within(1...world.slowness))
            world.schedule(after: delay * 1000, in: self) { [unowned self] in
                world.pauseInCall = 0
                job()
                world.pauseInCall = 0
            }
        }
    }
}

/// What dead processes left: kept, because its end would be an error in a living one.
enum Graveyard {
    private static let buried = Mutex<[Unchecked<() -> Void>]>([])

    static func bury(_ task: @escaping () -> Void) {
        let kept = Unchecked(task)
        buried.withLock { $0.append(kept) }
    }
}
