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
    nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

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
        var noteDeferred: @Sendable (_ domain: String, _ id: QueueID) -> Void
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
    private var timer: (at: Moment, scheduled: Scheduled<Void>)?
    var isStarted = false
    var isStopped = false
    /// Deliveries that agents work on, by message.
    var inFlight: [ObjectIdentifier: Int] = [:]
    var background = 0
    var idleWaiters: [CheckedContinuation<Void, Never>] = []

    struct Removal: Sendable {
        var id: QueueID
        var logs: [String]
    }

    /// Batches of files opened at one time.
    static let openJobLimit = 3
    static let scanStep = 512

    init(eventLoop: any EventLoop, environment: Environment) {
        self.eventLoop = eventLoop
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
        guard !isStarted else { return }
        isStarted = true
        await recoverActive()
        intake.wantScan(.incoming)
        intake.wantScan(.deferred)
        run()
    }

    /// A message is complete in the incoming queue.
    func arrived(_ id: String) {
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
        if isStarted { run() }
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
            spawn { await $0.suspend(recipients, of: active, failure) }
        case .refill(let message, let limit):
            guard let active = active[message.queueID] else { return }
            spawn { await $0.refill(active, limit: limit) }
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
        Task {
            await body(self)
            self.endBackground()
        }
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
        while openJobs < Self.openJobLimit {
            let room = settings.scheduler.messageLimit - scheduler.messageCount - opening.count
            switch intake.next(room: room) {
            case .idle: return
            case .scan(let source, let restart, let ignoreTimes):
                spawn { await $0.scan(source, restart: restart, ignoreTimes: ignoreTimes) }
            case .open(let names):
                let fresh = names.filter { active[$0.id] == nil && opening.insert($0.id).inserted }
                guard !fresh.isEmpty else { continue }
                openJobs += 1
                spawn { await $0.open(fresh) }
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
    private func recoverActive() async {
        let store = environment.store
        let known = Set(active.keys).union(opening)
        do {
            let found = try await environment.work.run { try store.recoverActive(except: known) }
            if found.moved > 0 { intake.wantScan(.incoming) }
            for id in found.held { log.info("\(id): skipped, still being delivered") }
            if !found.held.isEmpty { lookAgainAtLocked() }
        } catch {
            log.warning("scan active queue: \(error)")
        }
    }

    private func lookAgainAtLocked() {
        eventLoop.scheduleTask(in: .seconds(Int64(settings.lockedRetryTime))) { [self] in
            assumeIsolated { manager in
                guard !manager.isStopped else { return }
                manager.spawn {
                    await $0.recoverActive()
                    $0.pump()
                }
            }
        }
    }

    // MARK: end of a generation

    /// Stops dispatching, gives back what no agent works on, waits for the rest, and returns.
    /// - Parameter handedOver: called when the next generation may begin: files that are still in delivery are locked.
    func drain(handedOver: @Sendable () async -> Void) async {
        isStopped = true
        timer?.scheduled.cancel()
        for scan in scans.values { scan.close() }
        let idle = active.values.filter { inFlight[ObjectIdentifier($0)] == nil && !$0.isEnding }
        let busy = active.values.filter { inFlight[ObjectIdentifier($0)] != nil || $0.isEnding }
        let store = environment.store
        let idleIDs = idle.map(\.id)
        let busyIDs = busy.map(\.id)
        for message in idle { active[message.id.text] = nil }
        let locks = try? await environment.work.run {
            for id in idleIDs { store.release(id: id) }
            return busyIDs.compactMap { store.holdLock(id: $0) }
        }
        await handedOver()
        while background > 0 { await withCheckedContinuation { idleWaiters.append($0) } }
        for lock in locks ?? [] { lock.close() }
    }
}
