import NIOConcurrencyHelpers
import NIOCore
import Sockets

/// Connections to the delivery agents, one a service, made on first use and kept.
public final class ServiceConnections: Sendable {
    private let eventLoop: any EventLoop
    private let sockets: any Sockets
    private let connections = NIOLockedValueBox<[String: InternalConnection]>([:])

    public init(eventLoop: any EventLoop, sockets: any Sockets = KernelSockets()) {
        self.eventLoop = eventLoop
        self.sockets = sockets
    }

    /// The connection to the endpoint of a master.cf line.
    public func caller(_ service: String) -> any InternalCaller {
        connections.withLockedValue { connections in
            if let known = connections[service] { return known }
            let connection = InternalConnection(
                path: InternalEndpoint.service(service), eventLoop: eventLoop, sockets: sockets)
            connections[service] = connection
            return connection
        }
    }

    /// The process stops: see `InternalConnection.refuseCalls`.
    public func refuseCalls() {
        for connection in connections.withLockedValue({ Array($0.values) }) { connection.refuseCalls() }
    }
}
