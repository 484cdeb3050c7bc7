import Configuration
import Glibc
import InternalProtocol
import Lookup
import MailSystem
import NIOCore
import Runtime
import Spool

/// One delivery agent for one master.cf line.
protocol DeliveryAgent: Sendable {
    func deliver(_ request: DeliveryRequest) async -> DeliveryReport
}

/// The process that hosts local, virtual, pipe and spawn. It keeps root; every delivery runs as its recipient.
public final class DeliverProcess: DaemonProcess {
    public static let name = "deliver"
    public static let startsPrograms = true
    public static let confinement = Confinement.starter
    public static let eventLoops = 1

    private let context: ProcessContext
    private let agents: [(service: HostedService, agent: any DeliveryAgent)]
    private let spawners: [SpawnServer]
    private let opener: TableOpener
    private let servers = ServerList()
    private let workers: WorkerPool

    public convenience init(context: ProcessContext) async throws {
        try await self.init(context: context, runCommand: { $0.run() })
    }

    /// - Parameter runCommand: runs the commands of pipe(8), aliases and .forward files.
    package init(context: ProcessContext, runCommand: @escaping CommandStart) async throws {
        self.context = context
        let log = context.log("deliver")
        opener = TableOpener(parameters: context.parameters, log: log)
        let pool = context.machine.makePool(512)
        workers = WorkerPool(pool: pool, log: log, mailboxes: context.machine.mailboxes)
        let parameters = context.parameters
        let queue = QueueAccess(
            directory: QueueDirectory(
                store: context.store, hashNames: parameters.list("hash_queue_names"),
                hashDepth: parameters.int("hash_queue_depth"), longIDs: parameters.bool("enable_long_queue_ids"),
                processID: context.machine.processID))
        var agents: [(HostedService, any DeliveryAgent)] = []
        var spawners: [SpawnServer] = []
        for service in context.services {
            let agent = AgentContext(
                parameters: service.parameters, service: service.service, log: service.log(context.logSink),
                clock: context.clock, pool: pool, queue: queue, workers: workers, users: context.machine.users,
                runCommand: runCommand)
            switch service.service.program {
            case "pipe": agents.append((service, PipeAgent(agent)))
            case "virtual":
                agents.append((service, VirtualAgent(agent, opener: opener.logging(to: agent.log))))
            case "local":
                let loop = context.group.next()
                let others = ServiceConnections(eventLoop: loop, sockets: context.machine.sockets)
                agents.append(
                    (
                        service,
                        LocalAgent(
                            agent, opener: opener.logging(to: agent.log),
                            queue: InternalConnection(
                                path: InternalEndpoint.queue, eventLoop: loop, sockets: context.machine.sockets),
                            agents: { others.caller($0) })
                    ))
            case "spawn": spawners.append(SpawnServer(service, agent))
            default: log.warning("no delivery agent for \(service.service.program)")
            }
        }
        self.agents = agents
        self.spawners = spawners
    }

    public func start() async throws {
        for (service, agent) in agents {
            // The process limit of master.cf, as concurrent deliveries.
            let limiter = DeliveryLimiter(limit: service.service.processLimit)
            var handlers = InternalHandlers()
            handlers.on(DeliveryRequest.self) { [self] request, peer in
                await limiter.enter()
                // Who asked is gone, and the next queue process has asked again, or will.
                guard peer.isConnected else {
                    await limiter.leave()
                    throw InternalProtocolError.connectionLost
                }
                let report = await agent.deliver(request)
                await limiter.leave()
                if opener.anyChanged() { context.control.requestNewGeneration() }
                return report
            }
            for listener in service.listeners {
                await servers.add(
                    try await InternalServer.start(
                        listener: listener.descriptor, group: context.group, sockets: context.machine.sockets,
                        handlers: handlers))
            }
        }
        for spawner in spawners { spawner.start() }
    }

    public func drain() async {
        for spawner in spawners { spawner.stop() }
        let servers = await servers.all
        for server in servers { await server.stopAccepting() }
        context.control.report(.draining)
        for server in servers { await server.drain() }
        workers.close()
    }

    /// Commands under way are left to finish by themselves; their mail is delivered again when they fail to report.
    public func stop() async { await drain() }
}

private actor ServerList {
    private(set) var all: [InternalServer] = []

    func add(_ server: InternalServer) { all.append(server) }
}

/// Lets a number of deliveries run at a time.
actor DeliveryLimiter {
    private let limit: Int
    private var running = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var next = 0

    /// - Parameter limit: 0 means none.
    init(limit: Int) { self.limit = limit == 0 ? Int.max : limit }

    func enter() async {
        if running < limit {
            running += 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        guard next < waiting.count else {
            running -= 1
            return
        }
        let first = waiting[next]
        next += 1
        if next == waiting.count {
            waiting = []
            next = 0
        }
        first.resume()
    }
}
