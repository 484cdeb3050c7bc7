import Cleanup
import Configuration
import InternalProtocol
import Lookup
import MailSystem
import NIOCore
import NIOPosix
import Routing
import Runtime
import Spool
import Synchronization

/// The process `queue`: queue manager, pickup, bounces, and the small services around the queue.
public final class QueueProcess: DaemonProcess {
    public static var name: String { "queue" }
    /// All of the queue is its work, and it listens anew when it has taken over from a predecessor.
    public static let confinement = Confinement.queueWorker(writes: nil, hides: [], listens: true)

    private let context: ProcessContext
    private let opener: TableOpener
    /// The tables of servers that a chroot hides from `receive`.
    private let proxied: TableOpener
    private let manager: QueueManager
    private let anvil: AnvilService
    private let flush: FlushService
    private let pickup: PickupService
    private let forward: ForwardService
    private let lock: any ProcessLock
    private let agents: ServiceConnections
    /// True while no other process works on the queue.
    private let leads = Atomic<Bool>(false)
    private let servers = Mutex<Servers>(Servers())

    private struct Servers {
        var channels: [any Channel] = []
        var internals: [InternalServer] = []
        var postlogs: [PostlogServer] = []
        var timers: [RepeatedTask] = []
    }

    /// Seconds between looks at the incoming queue.
    private static let incomingCheckTime = 10
    /// Seconds between looks at the lookup tables.
    private static let tableCheckTime = 10
    /// Seconds that a process waits for deliveries when the mail system stops: the rest stays on disk.
    private static let stopTime = 4

    public init(context: ProcessContext) async throws {
        self.context = context
        lock = try context.machine.openQueueLock()
        let parameters = context.parameters
        let directory = QueueDirectory(
            store: context.store, hashNames: parameters.list("hash_queue_names"),
            hashDepth: parameters.int("hash_queue_depth"), longIDs: parameters.bool("enable_long_queue_ids"),
            processID: context.machine.processID, spares: .watched(context))
        let rewriteLog = context.log("trivial-rewrite")
        opener = TableOpener(parameters: parameters, log: rewriteLog)
        proxied = TableOpener(parameters: parameters, log: context.log("proxymap"))
        proxied.openProxied()
        let resolver = AddressResolver(parameters, opener: opener, log: rewriteLog)
        let notificationSettings = NotificationSettings(parameters)
        for text in notificationSettings.warnings { context.log("bounce").warning(text) }
        let work = PoolWork(pool: context.pool)
        let hand = ManagerHandle()
        flush = FlushService(
            list: FlushList(directory: directory), work: work, clock: context.clock,
            domains: DomainList(
                parameters["fast_flush_domains"], name: "fast_flush_domains",
                opener: opener.logging(to: context.log("flush")),
                parentsMatch: ParentDomains.match(feature: "fast_flush_domains", parameters: parameters)),
            refreshTime: parameters.seconds("fast_flush_refresh_time"),
            purgeTime: parameters.seconds("fast_flush_purge_time"), log: context.log("flush"),
            scanIncoming: { await hand.manager?.trigger([UInt8(ascii: "I")]) })
        anvil = AnvilService(
            rateUnit: parameters.seconds("anvil_rate_time_unit"), clock: context.clock, log: context.log("anvil"))
        forward = ForwardService(
            cleanup: Self.cleanup(context, nil, opener, directory) { id in
                Task { await hand.manager?.arrived(id) }
            }, directory: directory, pool: context.pool, clock: context.clock)
        let bounceService = context.services(of: "bounce").first
        let notifications = NotificationService(
            settings: notificationSettings, plan: NotificationPlan.Settings(parameters), directory: directory,
            cleanup: Self.cleanup(context, bounceService, opener, directory) { id in
                Task { await hand.manager?.arrived(id) }
            }, work: work, clock: context.clock, log: context.log("bounce"))
        let pickupService = context.services(of: "pickup").first
        let pause = (pickupService?.parameters ?? parameters).seconds("in_flow_delay")
        pickup = PickupService(
            settings: PickupService.Settings(pickupService?.parameters ?? parameters), directory: directory,
            cleanup: Self.cleanup(context, pickupService, opener, directory) { id in
                Task { await hand.manager?.arrived(id) }
            }, work: work, clock: context.clock, log: pickupService?.log(context.logSink) ?? context.log("pickup"),
            pace: {
                if pause > 0 { _ = await hand.manager?.flow(FlowRequest(milliseconds: min(pause, 10) * 1000)) }
            },
            returnToSender: { reader, id, problem in
                await PickupRefusal.notify(
                    reader, id: id, problem: problem, directory: directory, work: work, notifications: notifications)
            })
        let loop = context.group.next()
        let agents = ServiceConnections(eventLoop: loop, sockets: context.machine.sockets)
        self.agents = agents
        let successor = InternalConnection(
            path: InternalEndpoint.queue, eventLoop: loop, sockets: context.machine.sockets)
        let flushService = flush
        let flushLog = context.log("flush")
        let isOldDefault = CompatibilityDefaults(parameters).flushesDestinations
        manager = QueueManager(
            eventLoop: loop,
            environment: QueueManager.Environment(
                settings: ManagerSettings(parameters),
                transportSettings: TransportSettings.lookup(parameters, context.masterConfiguration),
                store: QueueStore(
                    directory: directory,
                    backwardsCompatibleLogs: parameters.bool("backwards_bounce_logfile_compatibility")),
                work: work, clock: context.clock, log: context.log("qmgr"), errorLog: context.log("error"),
                router: ResolverRouter(resolver: resolver), agent: { agents.caller($0) }, notifier: notifications,
                noteDeferred: { domain, id in
                    guard flushService.isUsed, await flushService.add(domain, id) == .done, isOldDefault
                    else { return }
                    flushLog.info(
                        CompatibilityDefaults.text(
                            "relay_domains=$mydestination", to: "update fast-flush logfile for domain \"\(domain)\""))
                }, announce: { successor.notify(MessageArrived(queueID: $0)) }))
        hand.set(manager)
    }

    /// Cleanup for mail of one source, with the overrides of its master.cf line.
    private static func cleanup(
        _ context: ProcessContext, _ service: HostedService?, _ opener: TableOpener, _ directory: QueueDirectory,
        _ arrived: @escaping @Sendable (String) -> Void
    ) -> CleanupService {
        let log = context.log("cleanup")
        return CleanupService(
            service?.parameters ?? context.parameters, opener: opener.logging(to: log), queue: directory,
            pool: context.pool, log: log, rewriteLog: context.log("trivial-rewrite"), clock: context.clock,
            notifyQueue: arrived)
    }

    public func start() async throws {
        try await serveInternal()
        for service in context.services {
            for listener in service.listeners { try await serve(service, listener) }
        }
        startTimers()
        // The queue is read in the background: a master waits for no scan.
        Task { await lead() }
    }

    /// Begins to work on the queue when no other process does.
    private func lead() async {
        let lock = lock
        do {
            try await lock.take(context.pool)
        } catch {
            context.log("qmgr").warning("\(error)")
        }
        leads.store(true, ordering: .relaxed)
        await manager.start()
        await pickup.scan()
    }

    private func pickUp() async {
        if leads.load(ordering: .relaxed) { await pickup.scan() }
    }

    private func serveInternal() async throws {
        guard let listener = context.queueListener else { return }
        var handlers = InternalHandlers()
        let (manager, flush) = (manager, flush)
        handlers.on(MessageArrived.self) { request in
            if request.queueID.isEmpty {
                await manager.trigger([UInt8(ascii: "I")])
            } else {
                await manager.arrived(request.queueID)
            }
            return WireEmpty()
        }
        handlers.on(FlushRequest.self) { await flush.sendSite($0.site) }
        let pool = context.pool
        handlers.on(SystemDatabaseRequest.self) { request in
            await pool.run { () -> LookupReply in
                do throws(LookupError) {
                    let line = try LocalSystemDatabase.find(request.database, request.key)
                    return line.map { .found(Array($0.utf8)) } ?? .notFound
                } catch {
                    return .failed(error.reason)
                }
            }
        }
        handlers.on(ProxyLookupRequest.self) { [proxied] request in
            do throws(LookupError) {
                let value = try await proxied.findProxied(
                    request.table, options: TableOptions(rawValue: request.options), request.key)
                return value.map { .found($0) } ?? .notFound
            } catch {
                return .failed(error.reason)
            }
        }
        handlers.on(FlowRequest.self) { await manager.flow($0) }
        handlers.on(ForwardRequest.self) { [forward] in await forward.submit($0) }
        let server = try await InternalServer.start(
            listener: listener, group: manager.eventLoop, sockets: context.machine.sockets, handlers: handlers)
        servers.withLock { $0.internals.append(server) }
    }

    /// Serves an endpoint by the program that master.cf names for it. The endpoints of services that only Postfix's
    /// own processes speak to have no one to answer here: in Apus they are function calls.
    private func serve(_ service: HostedService, _ listener: HostedListener) async throws {
        let (group, sockets, manager) = (context.group, context.machine.sockets, manager)
        let channel: any Channel
        switch service.service.program {
        case "qmgr", "oqmgr":
            // On the manager's loop, so that requests keep their order.
            channel = try await TriggerServer.start(
                listener: listener.descriptor, group: manager.eventLoop, sockets: sockets
            ) { bytes in
                manager.assumeIsolated { $0.trigger(bytes) }
            }
        case "pickup":
            channel = try await TriggerServer.start(listener: listener.descriptor, group: group, sockets: sockets) {
                _ in
                Task { await self.pickUp() }
            }
        case "flush":
            channel = try await FlushServer.start(
                listener: listener.descriptor, group: group, sockets: sockets, service: flush)
        case "showq":
            let directory = manager.environment.store.directory
            let emptyAddress = context.parameters["empty_address_recipient"]
            channel = try await ShowQueueServer.start(
                listener: listener.descriptor, group: group, sockets: sockets, work: PoolWork(pool: context.pool),
                listing: { QueueListing(directory: directory, emptyAddress: emptyAddress) })
        case "anvil":
            let server = try await InternalServer.start(
                listener: listener.descriptor, group: group, sockets: sockets, handlers: anvil.handlers)
            return servers.withLock { $0.internals.append(server) }
        case "postlogd":
            let server = PostlogServer(listener: listener.descriptor, sink: context.logSink)
            context.pool.submit { server.run() }
            return servers.withLock { $0.postlogs.append(server) }
        default: return
        }
        servers.withLock { $0.channels.append(channel) }
    }

    private func startTimers() {
        let parameters = context.parameters
        every(parameters.seconds("queue_run_delay")) { [manager] in await manager.queueRun() }
        // A notification that got lost costs no more than this.
        every(Self.incomingCheckTime) { [manager] in await manager.trigger([UInt8(ascii: "I")]) }
        every(parameters.seconds("anvil_status_update_time")) { [anvil] in anvil.logStatistics() }
        let (opener, proxied, control) = (opener, proxied, context.control)
        let asked = Mutex(false)
        every(Self.tableCheckTime) {
            guard opener.anyChanged() || proxied.anyChanged(),
                asked.withLock({ asked in
                    defer { asked = true }
                    return !asked
                })
            else { return }
            control.requestNewGeneration()
        }
    }

    private func every(_ seconds: Int, _ body: @escaping @Sendable () async -> Void) {
        let interval = TimeAmount.seconds(Int64(max(1, seconds)))
        let timer = context.group.next().scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            Task { await body() }
        }
        servers.withLock { $0.timers.append(timer) }
    }

    public func drain() async { await end(within: nil) }

    public func stop() async {
        agents.refuseCalls()
        await end(within: Self.stopTime)
    }

    /// Gives way to the next generation as soon as every file is either free or locked; then waits for the deliveries
    /// under way. What is still in delivery when the time is up goes on in its agent, where its file is locked.
    private func end(within seconds: Int?) async {
        let ending = servers.withLock { servers in
            defer { servers = Servers() }
            return servers
        }
        for timer in ending.timers { timer.cancel() }
        for channel in ending.channels { try? await channel.close() }
        await pickup.stop()
        for server in ending.internals { await server.drain() }
        for postlog in ending.postlogs { postlog.stop() }
        let done = EndSignal()
        let (manager, lock, control) = (manager, lock, context.control)
        await withCheckedContinuation { continuation in
            done.set(continuation)
            Task {
                await manager.drain {
                    lock.release()
                    control.report(.draining)
                }
                done.signal()
            }
            guard let seconds else { return }
            Task {
                _ = try? await manager.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {}.futureResult.get()
                done.signal()
            }
        }
        anvil.logStatistics()
    }
}

/// Resumes its continuation once.
private final class EndSignal: Sendable {
    private let continuation = Mutex<CheckedContinuation<Void, Never>?>(nil)
    func set(_ waiting: CheckedContinuation<Void, Never>) { continuation.withLock { $0 = waiting } }
    func signal() {
        let waiting = continuation.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        waiting?.resume()
    }
}

/// The queue manager, for services that are made before it.
private final class ManagerHandle: Sendable {
    private let box = Mutex<QueueManager?>(nil)
    var manager: QueueManager? { box.withLock { $0 } }
    func set(_ manager: QueueManager) { box.withLock { $0 = manager } }
}
