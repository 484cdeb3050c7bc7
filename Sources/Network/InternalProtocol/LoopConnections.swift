import NIOCore
import NIOPosix
import Sockets

/// A connection to an internal endpoint for each event loop of the process. Work that stays on its loop asks over that
/// loop's own connection: no other thread is woken to write for it.
public final class LoopConnections: InternalCaller {
    private let connections: [(loop: any EventLoop, connection: InternalConnection)]
    private let first: InternalConnection

    /// - Parameter make: a connection on the event loop; it connects when it is first used.
    public init(_ group: any EventLoopGroup, make: (any EventLoop) -> InternalConnection) {
        let connections = group.makeIterator().map { ($0, make($0)) }
        self.connections = connections
        first = connections.first?.1 ?? make(group.next())
    }

    public func call<R: InternalRequest>(_ request: R) async throws -> R.Reply { try await here.call(request) }

    public func notify<R: InternalRequest>(_ request: R) { here.notify(request) }

    private var here: InternalConnection {
        guard let current = MultiThreadedEventLoopGroup.currentEventLoop else { return first }
        return connections.first { $0.loop === current }?.connection ?? first
    }
}
