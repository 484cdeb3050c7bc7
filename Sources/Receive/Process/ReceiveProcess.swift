import Cleanup
import Configuration
import DNS
import InternalProtocol
import Lookup
import MailSystem
import NIOCore
import Runtime
import Spool
import TLS

/// The process that takes mail from the network: all smtpd services of one privilege.
public final class ReceiveProcess: DaemonProcess {
    public static let name = "receive"
    /// Each of them wakes up for each client: see `ServiceListener.listen`.
    public static var eventLoops: Int { min(System.coreCount, 4) }
    /// It makes queue files and hands them on: mail of others is out of its reach.
    public static let confinement = Confinement.queueWorker(
        writes: ["incoming", "hold", "trace", "spare"],
        hides: ["active", "deferred", "bounce", "defer", "maildrop", "corrupt", "saved", "flush"])

    private let context: ProcessContext
    private let listeners: [(listener: ServiceListener, hosted: HostedService)]

    /// Programs of master.cf lines that belong here and that this version can't run yet.
    static let unsupported: Set<String> = ["postscreen", "qmqpd", "tlsproxy", "dnsblog"]

    public convenience init(context: ProcessContext) async throws {
        try await self.init(context: context, resolver: try UnboundResolver())
    }

    /// - Parameter resolver: answers for the DNS.
    public init(context: ProcessContext, resolver: any Resolver) async throws {
        self.context = context
        Self.reportUnsupported(context)
        let hosted = context.services(of: "smtpd")
        var openers: [TableOpener] = []
        var services: [(ServerService, HostedService)] = []
        let sockets = context.machine.sockets
        let queue = LoopConnections(context.group) {
            InternalConnection(
                path: InternalEndpoint.queue, eventLoop: $0, sockets: sockets, afterLoss: MessageArrived.unknown)
        }
        let outside = context.isChrooted ? OutsideLookup(asking: queue) : nil
        let assembly = ServiceAssembly(
            context: context, resolver: resolver, hosts: .ofSystem(),
            sasl: SASLServiceFactory(group: context.group, pool: context.pool, machine: context.machine),
            limits: AnvilClient(
                LoopConnections(context.group) {
                    InternalConnection(path: InternalEndpoint.anvil, eventLoop: $0, sockets: sockets)
                }),
            queue: queue, freeSpace: FreeSpace(store: context.store, pool: context.pool, clock: context.clock),
            flow: FlowGate(queue: queue, clock: context.clock), ticketKeys: Self.ticketKeys(context),
            spares: .watched(context))
        for service in hosted {
            let opener = TableOpener(
                parameters: service.parameters, log: service.log(context.logSink),
                systemDatabase: outside?.systemDatabase,
                proxy: outside?.proxy)
            openers.append(opener)
            do {
                services.append((try assembly.make(service, opener: opener), service))
            } catch {
                service.log(context.logSink).fatal("\(error)")
                throw error
            }
        }
        let log = context.log("smtpd")
        let control = context.control
        let watch = TableWatch(openers: openers, pool: context.pool, clock: context.clock) { table in
            log.info("table \(table) has changed -- restarting")
            control.requestNewGeneration()
        }
        var executors: [ObjectIdentifier: LoopExecutor] = [:]
        for loop in context.group.makeIterator() { executors[ObjectIdentifier(loop)] = LoopExecutor(loop) }
        listeners = services.map { server, service in
            (
                ServiceListener(service: server, executors: executors, sockets: sockets) {
                    watch.look()
                }, service
            )
        }
    }

    /// The same in each process of the mail system, and in each generation.
    private static func ticketKeys(_ context: ProcessContext) -> TicketKeyring? {
        guard let secret = context.ticketSecret else { return nil }
        let clock = context.clock
        return TicketKeyring(
            TicketKeyring.Secret(period: secret.period, number: secret.number, bytes: secret.bytes),
            now: { Int(clock.monotonicNanoseconds() / 1_000_000_000) })
    }

    private static func reportUnsupported(_ context: ProcessContext) {
        for hosted in context.services where unsupported.contains(hosted.service.program) {
            let service = hosted.service
            context.log(service.program).error(
                "\(context.parameters.directory)/master.cf: line \(service.line): \(service.program) is not part of this"
                    + " version: the service \(service.name) is not served; comment the line out")
        }
    }

    public func start() async throws {
        for (listener, hosted) in listeners {
            for socket in hosted.listeners {
                try await listener.listen(descriptor: socket.descriptor, group: context.group)
            }
        }
    }

    public func drain() async {
        for (listener, _) in listeners { await listener.close() }
        context.control.report(.draining)
        for (listener, _) in listeners { await listener.sessionsEnded() }
    }

    /// Sessions under way are cut: what they have not been told was queued they will send again.
    public func stop() async {
        for (listener, _) in listeners { await listener.close() }
    }
}
