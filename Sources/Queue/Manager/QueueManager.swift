import Glibc
import InternalProtocol
import MailSyntax
import MailSystem
import NIOCore
import Spool

/// The queue manager: brings messages into the active queue, routes their recipients, hands batches to the delivery
/// agents as the scheduler decides, and brings each message to its end. All decisions are the scheduler's and the
/// intake's; this actor lives on one event loop and moves their actions to disk, agents and log.
actor QueueManager {
    nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: LoopExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    struct Environment: Sendable {
        var settings: ManagerSettings
        var transportSettings: @Sendable (String) -> TransportSettings
        var store: QueueStore
        var work: any BlockingWork
        var clock: any MailClock
        /// Tag `postfix/qmgr`.
        var log: MailLog
        /// Tag `postfix/error`: recipients that are put off without a try.
        var errorLog: MailLog
        var router: any RecipientRouter
        /// The delivery agent of a master.cf service.
        var agent: @Sendable (String) -> any InternalCaller
        var notifier: any Notifier
        /// A recipient domain got deferred mail: for fast flush.
        var noteDeferred: @Sendable (_ domain: String, _ id: QueueID) async -> Void
        /// Tells the next generation of a message in the incoming queue: this one has stopped.
        var announce: @Sendable (_ id: String) -> Void = { _ in }
    }

    let environment: Environment
    let scheduler: Scheduler
    var intake = Intake()
    /// Messages by queue id, from being opened until their file has left the active queue.
    var active: [String: ActiveMessage] = [:]
    /// Ids that are being opened.
    var opening: Set<String> = []
    var openJobs = 0
    private var scans: [Intake.Source: QueueScan] = [:]
    /// Finished messages whose files wait for removal.
    var removals: [Removal] = []
    var isRemoving = false
    /// The most of them since there were none, or since memory was given back.
    private var mostActive = 0
    /// So many that the memory they took is worth giving back.
    private static let manyMessages = 1000
    /// Messages that are done with but cannot leave the active queue: a disk that is full or read-only. They count, so
    /// that they don't fill memory instead.
    var stuck = 0
    private var timer: (at: Moment, scheduled: Scheduled<Void>)?
    var isStarted = false
    var isStopped = false
    /// Reads of queue directories and of queue files on their way in.
    private var intakeJobs = 0
    private var intakeWaiters: [CheckedContinuation<Void, Never>] = []
    /// Locks on what is still under way after the next generation has begun, by queue id.
    private var locks: [String: any StoredFile] = [:]
    /// Who waits in `flow`, by number.
    var flowWaiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var lastFlowWaiter: UInt64 = 0
    var logSweep = LogSweep.none
    /// By queue id: offsets of recipients that are done with, but could not be marked in the file.
    var unmarked: [String: Set<Int>] = [:]
    var background = 0
    var idleWaiters: [CheckedContinuation<Void, Never>] = []

    struct Removal: Sendable {
        var id: QueueID
        var logs: [String]
        /// Offsets of recipients that are done with.
        var finished: [Int]
    }

    /// Batches of files opened at one time.
    static let openJobLimit = 3
    static let scanStep = 512

    init(eventLoop: any EventLoop, environment: Environment) {
        self.eventLoop = eventLoop
        executor = LoopExecutor(eventLoop)
        self.environment = environment
        scheduler = Scheduler(
            settings: environment.settings.scheduler, transportSettings: environment.transportSettings)
    }

    var log: MailLog { environment.log }
    var settings: ManagerSettings { environment.settings }
    var now: Moment { Moment(nanoseconds: environment.clock.monotonicNanoseconds()) }

    // MARK: events

    /// Takes over what an earlier process left, and begins to work.
    func start() async {
        guard !isStarted, !isStopped else { return }
        // What arrives meanwhile waits: a file on its way into the active queue must not look like one left there.
        await asIntake { manager in
            while !(await manager.recoverActive()), !manager.isStopped {
                _ = try? await manager.eventLoop.scheduleTask(in: .seconds(1)) {}.futureResult.get()
            }
        }
        isStarted = true
        intake.wantScan(.incoming)
        intake.wantScan(.deferred)
        run()
    }

    /// A message is complete in the incoming queue.
    func arrived(_ id: String) {
        guard !isStopped else { return environment.announce(id) }
        intake.arrived(id)
        if isStarted { pump() }
    }

    /// Trigger bytes of public/qmgr: A and F come before D and I, the same one twice counts once.
    func trigger(_ bytes: Set<UInt8>) {
        let all = bytes.contains(UInt8(ascii: "A"))
        if bytes.contains(UInt8(ascii: "F")) { scheduler.forgetFailures(now: now) }
        if bytes.contains(UInt8(ascii: "D")) {
            intake.wantScan(.deferred, ignoreTimes: all)
        } else if all {
            intake.ignoreTimesNext()
        }
        if bytes.contains(UInt8(ascii: "I")) || bytes.contains(UInt8(ascii: "W")) { intake.wantScan(.incoming) }
        if isStarted { run() }
    }

    /// queue_run_delay has passed.
    func queueRun() {
        intake.wantScan(.deferred)
        intake.wantScan(.incoming)
        guard isStarted, !isStopped else { return }
        run()
        spawn { await $0.removeLeftovers() }
    }

    // MARK: work

    /// Does what the scheduler wants now, and opens more messages where there is room.
    func run() {
        guard !isStopped else { return }
        var actions = scheduler.takeActions(now: now)
        while !actions.isEmpty {
            for action in actions { perform(action) }
            actions = scheduler.takeActions(now: now)
        }
        setTimer()
        pump()
    }

    private func perform(_ action: SchedulerAction) {
        switch action {
        case .deliver(let delivery): dispatch(delivery)
        case .suspend(let message, let recipients, let failure):
            guard let active = active[message.queueID] else { return }
            spawn(on: active) { await $0.suspend(recipients, of: active, failure) }
        case .refill(let message, let limit):
            guard let active = active[message.queueID] else { return }
            spawn(on: active) { await $0.refill(active, limit: limit) }
        case .finished(let message):
            guard let active = active[message.queueID] else { return }
            finish(active)
        case .warning(let text): log.warning(text)
        case .log(let text): log.info(text)
        }
    }

    /// Runs work that `drain` waits for.
    func spawn(_ body: @escaping @Sendable (isolated QueueManager) async -> Void) {
        background += 1
        Task(executorPreference: executor) {
            await body(self)
            await self.endBackground()
        }
    }

    /// The same for work on one message: after a stop, the last of it decides what becomes of the message.
    func spawn(on message: ActiveMessage, _ body: @escaping @Sendable (isolated QueueManager) async -> Void) {
        message.tasks += 1
        spawn { manager in
            await body(manager)
            message.tasks -= 1
            if manager.isStopped { await manager.settleAfterStop(message) }
        }
    }

    /// Its file is no longer in the active queue, or nobody's any more.
    func leaveActive(_ id: String) {
        mostActive = max(mostActive, active.count)
        active[id] = nil
        locks.removeValue(forKey: id)?.close()
        guard active.isEmpty, mostActive >= Self.manyMessages else { return }
        // The end of a rush: the system gets its memory back.
        mostActive = 0
        active = [:]
        spawn { _ = try? await $0.environment.work.run { ProcessMemory.giveBack() } }
    }

    /// Runs a part of the intake: `drain` waits for these first.
    func asIntake(_ body: (isolated QueueManager) async -> Void) async {
        intakeJobs += 1
        await body(self)
        intakeJobs -= 1
        guard intakeJobs == 0 else { return }
        let waiters = intakeWaiters
        intakeWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    private func endBackground() {
        background -= 1
        guard background == 0 else { return }
        let waiters = idleWaiters
        idleWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    private func setTimer() {
        guard let next = scheduler.nextTimer else { return }
        if let timer, timer.at <= next, timer.at > now { return }
        timer?.scheduled.cancel()
        let wait = next.nanoseconds > now.nanoseconds ? next.nanoseconds - now.nanoseconds : 0
        let scheduled = eventLoop.scheduleTask(in: .nanoseconds(Int64(clamping: wait))) { [self] in
            assumeIsolated { $0.run() }
        }
        timer = (next, scheduled)
    }

    /// Opens files and reads directories while the active queue has room.
    func pump() {
        guard isStarted, !isStopped else { return }
        defer { releaseFlow() }
        while openJobs < Self.openJobLimit {
            let room = settings.scheduler.messageLimit - scheduler.messageCount - opening.count - stuck
            switch intake.next(room: room) {
            case .idle: return
            case .scan(let source, let restart, let ignoreTimes):
                spawn { manager in
                    await manager.asIntake { await $0.scan(source, restart: restart, ignoreTimes: ignoreTimes) }
                }
            case .open(let names):
                let fresh = names.filter { active[$0.id] == nil && opening.insert($0.id).inserted }
                guard !fresh.isEmpty else { continue }
                openJobs += 1
                spawn { manager in await manager.asIntake { await $0.open(fresh) } }
            }
        }
    }

    private func scan(_ source: Intake.Source, restart: Bool, ignoreTimes: Bool) async {
        let store = environment.store
        if restart || scans[source] == nil {
            scans[source] = store.directory.scan(source == .incoming ? "incoming" : "deferred")
        }
        guard let scan = scans[source] else { return }
        let wall = environment.clock.now()
        do {
            let (names, atEnd) = try await environment.work.run {
                try store.scan(scan, ignoreTimes: ignoreTimes, now: wall, count: Self.scanStep)
            }
            if atEnd { scans[source] = nil }
            intake.scanned(source, names: names, atEnd: atEnd)
        } catch {
            log.warning("scan \(source) queue: \(error)")
            scans[source] = nil
            intake.scanned(source, names: [], atEnd: true)
        }
        pump()
    }

    /// Files that stayed in the active queue after a crash or a reload.
    /// - Returns: false to try again.
    private func recoverActive() async -> Bool {
        let store = environment.store
        let known = Set(active.keys).union(opening)
        do {
            let found = try await environment.work.run { try store.recoverActive(except: known) }
            if found.moved > 0 { intake.wantScan(.incoming) }
            for id in found.held { log.info("\(id): skipped, still being delivered") }
            lookAgain(at: found.held, since: now)
            return true
        } catch {
            log.warning("scan active queue: \(error)")
            return false
        }
    }

    /// Looks at locked files of the active queue after a while: soon at first, since the generation that delivers them
    /// is gone or about to end, then less and less often.
    func lookAgain(at held: [QueueID], since start: Moment) {
        guard !held.isEmpty, !isStopped else { return }
        let waited = Double(now.nanoseconds &- start.nanoseconds) / 1e9
        let delay = max(settings.lockedFirstRetry, min(Double(settings.lockedRetryTime), waited / 4))
        eventLoop.scheduleTask(in: .nanoseconds(Int64(delay * 1e9))) { [self] in
            assumeIsolated { manager in
                guard !manager.isStopped else { return }
                manager.spawn { manager in await manager.asIntake { await $0.recover(held, since: start) } }
            }
        }
    }

    private func recover(_ held: [QueueID], since start: Moment) async {
        let store = environment.store
        // Not those that their holder gave back and that have come in again; nor may they come in while we look.
        let held = held.filter { active[$0.text] == nil && opening.insert($0.text).inserted }
        guard !isStopped, let found = try? await environment.work.run({ store.recover(held) }) else { return }
        for id in held { opening.remove(id.text) }
        // Their holder may also have put them into incoming itself. They are not new: logs may exist.
        if !found.released.isEmpty { intake.wantScan(.incoming) }
        lookAgain(at: found.held, since: start)
        pump()
    }

    // MARK: end of a generation

    /// Stops dispatching, gives back what nobody works on, waits for the rest, and returns.
    /// - Parameter handedOver: called when the next generation may begin: files that are still in work are locked.
    func drain(handedOver: @Sendable () async -> Void) async {
        isStopped = true
        releaseFlow()
        timer?.scheduled.cancel()
        // Then every message is known, and nothing here moves files into the active queue any more.
        while intakeJobs > 0 { await withCheckedContinuation { intakeWaiters.append($0) } }
        for scan in scans.values { scan.close() }
        scans = [:]
        // The last moment at which it is known.
        for message in active.values where unmarked[message.id.text] != nil { _ = await markFinished(of: message) }
        let busy = active.values.filter { $0.tasks > 0 || $0.isEnding }.map(\.id)
        let idle = active.values.filter { $0.tasks == 0 && !$0.isEnding }.map(\.id)
        for id in idle { active[id.text] = nil }
        let store = environment.store
        let held = try? await environment.work.run {
            for id in idle { store.release(id: id) }
            return busy.map { (id: $0.text, lock: store.holdLock(id: $0)) }
        }
        for (id, lock) in held ?? [] {
            // What came to its end meanwhile has left the active queue.
            if active[id] != nil, locks[id] == nil { locks[id] = lock } else { lock?.close() }
        }
        await handedOver()
        while background > 0 { await withCheckedContinuation { idleWaiters.append($0) } }
        for lock in locks.values { lock.close() }
        locks = [:]
    }
}
