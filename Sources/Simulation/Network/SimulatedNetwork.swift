import Glibc
import MailSystem
import NIOCore
import NIOPosix
import Sockets

/// Who waits for connections at one address.
final class Listener {
    let address: String
    /// Nil while no process accepts: connections wait, as in a kernel's backlog.
    var accept: ((_ connection: Connection, _ peer: ConnectionEnd, _ remote: SocketAddress?) -> Void)?
    var token: AcceptToken?
    var waiting: [(Connection, ConnectionEnd, SocketAddress?)] = []

    init(_ address: String) { self.address = address }
}

/// All connections: between the processes, and with the world outside.
final class SimulatedNetwork: @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    let world: World
    /// By descriptor number, and by address.
    private var listeners: [CInt: Listener] = [:]
    private var byAddress: [String: Listener] = [:]
    private var lastNumber = 0
    private(set) var connections: [Connection] = []
    /// Servers outside: what becomes of a connection to `address:port`.
    var outside: ((String) -> RemoteAnswer)?
    /// Services of other programs on this machine.
    var beside: ((_ path: String) -> RemoteAnswer?)?
    /// For each new connection with the outside.
    var makeFaults: (() -> Connection.Faults)?

    enum RemoteAnswer {
        /// Makes the server's end of the connection.
        case accepts((Connection) -> ConnectionEnd)
        case refuses(CInt)
        case silent
    }

    init(_ world: World) { self.world = world }

    // MARK: the machine's own addresses

    func listen(_ descriptor: CInt, _ address: String) {
        let listener = Listener(address)
        listeners[descriptor] = listener
        byAddress[address] = listener
    }

    /// The power is gone: nobody outside hears of it.
    func vanish() {
        for connection in connections { connection.vanish() }
        connections = []
        for listener in listeners.values {
            listener.accept = nil
            listener.waiting = []
        }
    }

    func listener(_ descriptor: CInt) -> Listener? { listeners[descriptor] }

    func listener(at address: String) -> Listener? { byAddress[address] }

    func makeConnection(latency: ClosedRange<Int>) -> Connection {
        lastNumber += 1
        let connection = Connection(world, number: lastNumber, latency: latency)
        connections.append(connection)
        if connections.count > 64 { connections.removeAll { $0.isDead } }
        return connection
    }

    /// A client outside connects to the machine. False: nobody listens.
    /// - Parameter reliably: no network is between.
    func connect(
        _ client: ConnectionEnd, to address: String, from remote: SocketAddress?, reliably: Bool = false
    ) -> Connection? {
        guard let listener = byAddress[address] else { return nil }
        let connection = makeConnection(latency: 50_000...3_000_000)
        if !reliably, let faults = makeFaults?() { connection.faults = faults }
        if let accept = listener.accept {
            accept(connection, client, remote)
        } else {
            listener.waiting.append((connection, client, remote))
        }
        return connection
    }
}

/// The sockets of one process.
struct SimulatedSockets: Sockets {
    let network: SimulatedNetwork
    let process: SimulatedProcess

    func accept(
        on descriptor: CInt, group: any EventLoopGroup, options: (ServerBootstrap) -> ServerBootstrap,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        guard let listener = network.listener(descriptor) else {
            return process.loop.makeFailedFuture(IOError(errnoCode: EBADF, reason: "accept"))
        }
        let process = process
        let halfClosure = listener.address.contains(":")
        let serving = SimulatedChannel(process, local: nil, remote: nil)
        let accept = { (connection: Connection, peer: ConnectionEnd, remote: SocketAddress?) in
            let local = try? SocketAddress(ipAddress: "192.0.2.1", port: 25)
            let channel = SimulatedChannel(process, local: halfClosure ? local : nil, remote: remote)
            channel.core.allowsHalfClosure = halfClosure
            channel.core.connection = connection
            connection.attach(peer, channel.core)
            process.atEnd.append { [weak connection] in connection?.end(from: channel.core) }
            process.loop.execute {
                initializer(channel).whenComplete { result in
                    if case .success = result { channel.core.activate() } else { channel.close(promise: nil) }
                }
            }
        }
        listener.accept = accept
        let token = AcceptToken()
        listener.token = token
        let stop = { [weak listener] in
            guard listener?.token === token else { return }
            listener?.accept = nil
        }
        serving.core.onClose = stop
        process.atEnd.append(stop)
        let waiting = listener.waiting
        listener.waiting = []
        for (connection, peer, remote) in waiting { accept(connection, peer, remote) }
        return process.loop.makeSucceededFuture(serving)
    }

    /// One event loop takes all connections.
    func share(_ descriptor: CInt, count: Int) throws(SystemError) -> [CInt] { [descriptor] }

    func connect(
        to address: SocketAddress, on loop: any EventLoop, timeout: TimeAmount?,
        options: (ClientBootstrap) throws -> ClientBootstrap,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        let promise = process.loop.makePromise(of: (any Channel).self)
        let (network, process) = (network, process)
        let body: @Sendable () -> Void = {
            let channel = SimulatedChannel(process, local: nil, remote: address)
            initializer(channel).whenComplete { result in
                if case .failure(let error) = result { return promise.fail(error) }
                Self.open(channel, to: address, network, process, timeout: timeout, promise)
            }
        }
        if process.loop.inEventLoop { body() } else { process.loop.execute(body) }
        return promise.futureResult
    }

    private static func open(
        _ channel: SimulatedChannel, to address: SocketAddress, _ network: SimulatedNetwork,
        _ process: SimulatedProcess, timeout: TimeAmount?, _ promise: EventLoopPromise<any Channel>
    ) {
        let world = network.world
        func later(_ delay: UInt64, _ body: @escaping () -> Void) {
            world.schedule(after: delay, in: process) { process.add(body) }
        }
        func connected(_ connection: Connection, _ server: ConnectionEnd?) {
            channel.core.connection = connection
            if let server { connection.attach(channel.core, server) }
            process.atEnd.append { [weak connection] in connection?.end(from: channel.core) }
            channel.core.activate()
            promise.succeed(channel)
        }
        if let path = address.pathname {
            if case .accepts(let make)? = network.beside?(path) {
                let connection = network.makeConnection(latency: 5_000...100_000)
                return later(5000) { connected(connection, make(connection)) }
            }
            guard let listener = network.listener(at: path) else {
                return promise.fail(IOError(errnoCode: ENOENT, reason: "connect"))
            }
            let connection = network.makeConnection(latency: 5_000...100_000)
            if let accept = listener.accept {
                accept(connection, channel.core, nil)
            } else {
                listener.waiting.append((connection, channel.core, nil))
            }
            later(5000) { connected(connection, nil) }
            return
        }
        let name = "\(address.ipAddress ?? "?"):\(address.port ?? 0)"
        let delay = UInt64(world.random.within(100_000...5_000_000))
        switch network.outside?(name) ?? .refuses(ENETUNREACH) {
        case .refuses(let code): later(delay) { promise.fail(IOError(errnoCode: code, reason: "connect")) }
        case .silent:
            // The kernel gives up after about two minutes.
            let kernel: Int64 = 127_000_000_000
            let patience = timeout ?? .nanoseconds(kernel)
            if patience.nanoseconds < kernel {
                later(UInt64(max(0, patience.nanoseconds))) { promise.fail(ChannelError.connectTimeout(patience)) }
            } else {
                later(UInt64(kernel)) { promise.fail(IOError(errnoCode: ETIMEDOUT, reason: "connect")) }
            }
        case .accepts(let make):
            let connection = network.makeConnection(latency: 50_000...3_000_000)
            if let faults = network.makeFaults?() { connection.faults = faults }
            later(delay) {
                let server = make(connection)
                connected(connection, server)
            }
        }
    }
}

/// Tells the acceptor of one process from that of its successor.
final class AcceptToken {}
