import Configuration
import DNS
import InternalProtocol
import Lookup
import MailSyntax
import MailSystem
import NIOConcurrencyHelpers
import NIOCore
import Runtime
import Spool
import TLS

/// The `send` process: smtp, relay, lmtp, error, retry and discard, each master.cf line with its own settings.
public final class SendProcess: DaemonProcess {
    public static let name = "send"
    /// It reads messages that are being delivered and marks their recipients.
    public static let confinement = Confinement.queueWorker(
        writes: [], marks: ["active"],
        hides: [
            "incoming", "deferred", "hold", "bounce", "defer", "trace", "maildrop", "corrupt", "saved", "flush",
            "spare",
        ],
        bindsPorts: true)

    private struct Service: Sendable {
        var hosted: HostedService
        var agent: any DeliveryAgent
        var limit: AsyncLimit
    }

    private let context: ProcessContext
    private let services: [Service]
    private let opener: TableOpener
    private let servers = NIOLockedValueBox<[InternalServer]>([])

    public convenience init(context: ProcessContext) async throws {
        try await self.init(context: context, resolver: try UnboundResolver())
    }

    /// - Parameter resolver: answers for the DNS.
    public init(context: ProcessContext, resolver: any Resolver) async throws {
        self.context = context
        let sockets = context.machine.sockets
        let outside =
            context.isChrooted
            ? OutsideLookup(
                asking: LoopConnections(context.group) {
                    InternalConnection(path: InternalEndpoint.queue, eventLoop: $0, sockets: sockets)
                }) : nil
        opener = TableOpener(
            parameters: context.parameters, log: context.log("smtp"), systemDatabase: outside?.systemDatabase,
            proxy: outside?.proxy)
        let factory = AgentFactory(context: context, resolver: resolver, hosts: .ofSystem(), opener: opener)
        services = try context.services.compactMap { hosted in
            guard let agent = try factory.agent(for: hosted) else { return nil }
            return Service(
                hosted: hosted, agent: agent, limit: AsyncLimit(hosted.service.processLimit))
        }
    }

    public func start() async throws {
        for service in services {
            var handlers = InternalHandlers()
            handlers.on(DeliveryRequest.self) { request, peer in
                await service.limit.enter()
                defer { service.limit.leave() }
                // Who asked is gone, and the next queue process has asked again, or will.
                guard peer.isConnected else { throw InternalProtocolError.connectionLost }
                return await service.agent.deliver(request)
            }
            for listener in service.hosted.listeners {
                let server = try await InternalServer.start(
                    listener: listener.descriptor, group: context.group, sockets: context.machine.sockets,
                    handlers: handlers)
                servers.withLockedValue { $0.append(server) }
            }
        }
    }

    public func drain() async {
        let servers = servers.withLockedValue { $0 }
        for server in servers { await server.stopAccepting() }
        context.control.report(.draining)
        for server in servers { await server.drain() }
        for service in services { service.agent.close() }
    }

    public func stop() async {
        for service in services { service.agent.close() }
        await drain()
    }
}
