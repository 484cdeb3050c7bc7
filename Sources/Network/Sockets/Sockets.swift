import Glibc
import MailSystem
import NIOCore
import NIOPosix

/// Where the channels of a process come from: the kernel's sockets, or those of the simulator.
public protocol Sockets: Sendable {
    /// Accepts connections.
    /// - Parameters:
    ///   - descriptor: listens already; taken over, closed with the channel.
    ///   - options: of kernel sockets.
    ///   - initializer: for each connection, before it is active.
    /// - Returns: the listening channel.
    func accept(
        on descriptor: CInt, group: any EventLoopGroup, options: (ServerBootstrap) -> ServerBootstrap,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel>

    /// Several descriptors of one listening socket, for as many channels.
    /// - Parameter descriptor: the first of them, or closed when there is an error.
    func share(_ descriptor: CInt, count: Int) throws(SystemError) -> [CInt]

    /// Connects. Fails with what NIO says went wrong.
    /// - Parameter timeout: nil for NIO's.
    func connect(
        to address: SocketAddress, on loop: any EventLoop, timeout: TimeAmount?,
        options: (ClientBootstrap) throws -> ClientBootstrap,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel>
}

extension Sockets {
    public func accept(
        on descriptor: CInt, group: any EventLoopGroup,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        accept(on: descriptor, group: group, options: { $0 }, initializer: initializer)
    }
}

/// The sockets of this machine.
public struct KernelSockets: Sockets {
    public init() {}

    public func accept(
        on descriptor: CInt, group: any EventLoopGroup, options: (ServerBootstrap) -> ServerBootstrap,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        options(ServerBootstrap(group: group)).childChannelInitializer(initializer).withBoundSocket(descriptor)
            .flatMapThrowing { channel in
                // NIO has just called listen with 128, whatever its option for the backlog says.
                try Listeners.restoreBacklog(descriptor)
                return channel
            }
    }

    public func share(_ descriptor: CInt, count: Int) throws(SystemError) -> [CInt] {
        var descriptors = [descriptor]
        while descriptors.count < count {
            let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else {
                let error = SystemError("share a listening socket")
                for open in descriptors { close(open) }
                throw error
            }
            descriptors.append(copy)
        }
        return descriptors
    }

    public func connect(
        to address: SocketAddress, on loop: any EventLoop, timeout: TimeAmount?,
        options: (ClientBootstrap) throws -> ClientBootstrap,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        do {
            var bootstrap = try options(ClientBootstrap(group: loop))
            if let timeout { bootstrap = bootstrap.connectTimeout(timeout) }
            return bootstrap.channelInitializer(initializer).connect(to: address)
        } catch {
            return loop.makeFailedFuture(error)
        }
    }
}
