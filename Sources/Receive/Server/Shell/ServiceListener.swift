import InternalProtocol
import MailSystem
import NIOCore
import Sockets
import Synchronization

/// Accepts the clients of one smtpd service and serves never more at a time than its process limit: the others wait in
/// the socket's backlog, as they do for Postfix' processes. The few that event loops had accepted before they heard of the
/// limit wait here, without a greeting.
final class ServiceListener: Sendable {
    private struct State {
        /// Clients that are served.
        var active = 0
        /// Accepted past the limit and not greeted yet, in the order of their coming.
        var held: [SMTPConnection] = []
        var channels: [any Channel] = []
        var isPaused = false
        var isDraining = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let service: ServerService
    private let executors: [ObjectIdentifier: LoopExecutor]
    private let sockets: any Sockets
    private let accepted: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameter accepted: called for each new client: the moment to look whether tables have changed.
    init(
        service: ServerService, executors: [ObjectIdentifier: LoopExecutor], sockets: any Sockets = KernelSockets(),
        accepted: @escaping @Sendable () -> Void
    ) {
        self.service = service
        self.executors = executors
        self.sockets = sockets
        self.accepted = accepted
    }

    /// Small: the buffer stays with an idle connection.
    static let commandBuffer = FixedSizeRecvByteBufferAllocator(capacity: 2048)
    /// For message content.
    static let contentBuffer = FixedSizeRecvByteBufferAllocator(capacity: 32 * 1024)

    /// Each event loop accepts by itself and keeps what it has accepted. Whoever has nothing to do comes first, so that
    /// the work spreads, and no connection changes threads.
    /// - Parameter descriptor: taken over.
    func listen(descriptor: CInt, group: any EventLoopGroup) async throws {
        let loops = Array(group.makeIterator())
        let descriptors = try sockets.share(descriptor, count: loops.count)
        for (loop, descriptor) in zip(loops, descriptors) { try await listen(descriptor, on: loop) }
    }

    private func listen(_ descriptor: CInt, on loop: any EventLoop) async throws {
        let channel = try await sockets.accept(
            on: descriptor, group: loop,
            options: { bootstrap in
                bootstrap.serverChannelOption(.maxMessagesPerRead, value: 2)
                    // The first bytes of a TLS session must find the TLS handler.
                    .childChannelOption(.autoRead, value: !service.settings.wrapsTLS)
                    .childChannelOption(.maxMessagesPerRead, value: 1)
                    .childChannelOption(.recvAllocator, value: Self.commandBuffer)
                    .childChannelOption(.allowRemoteHalfClosure, value: true)
                    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            },
            initializer: { [self] channel in channel.eventLoop.makeCompletedFuture { try add(channel) } }
        ).get()
        state.withLock { $0.channels.append(channel) }
    }

    private func add(_ channel: any Channel) throws {
        let executor = executors[ObjectIdentifier(channel.eventLoop)] ?? LoopExecutor(channel.eventLoop)
        let connection = SMTPConnection(channel: channel, service: service, executor: executor)
        let isHeld = opened(connection)
        if isHeld { connection.assumeIsolated { $0.hold() } }
        channel.closeFuture.whenComplete { [self] _ in closed(connection) }
        try channel.pipeline.syncOperations.addHandler(SMTPChannelHandler(connection))
        accepted()
    }

    private func isFull(_ state: borrowing State) -> Bool {
        service.sessionLimit > 0 && state.active >= service.sessionLimit
    }

    /// - Returns: whether the client has to wait for another one to leave.
    private func opened(_ connection: SMTPConnection) -> Bool {
        let (isHeld, pause): (Bool, [any Channel]) = state.withLock { state in
            let isHeld = isFull(state)
            if isHeld { state.held.append(connection) } else { state.active += 1 }
            guard isFull(state), !state.isPaused else { return (isHeld, []) }
            state.isPaused = true
            return (isHeld, state.channels)
        }
        for channel in pause { channel.setOption(.autoRead, value: false).whenComplete { _ in } }
        return isHeld
    }

    private func closed(_ connection: SMTPConnection) {
        let (next, resume, waiters): (SMTPConnection?, [any Channel], [CheckedContinuation<Void, Never>]) =
            state.withLock { state in
                if let index = state.held.firstIndex(where: { $0 === connection }) {
                    state.held.remove(at: index)
                    return (nil, [], [])
                }
                if !state.held.isEmpty { return (state.held.removeFirst(), [], []) }
                state.active -= 1
                var waiters: [CheckedContinuation<Void, Never>] = []
                if state.active == 0 { swap(&waiters, &state.waiters) }
                guard state.isPaused, !isFull(state), !state.isDraining else { return (nil, [], waiters) }
                state.isPaused = false
                return (nil, state.channels, waiters)
            }
        next?.admit()
        for channel in resume { channel.setOption(.autoRead, value: true).whenComplete { _ in } }
        for waiter in waiters { waiter.resume() }
    }

    /// Stops accepting.
    func close() async {
        let channels = state.withLock { state in
            state.isDraining = true
            let channels = state.channels
            state.channels = []
            return channels
        }
        for channel in channels { try? await channel.close().get() }
    }

    /// Returns when the last session has ended.
    func sessionsEnded() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.active > 0 { state.waiters.append(continuation) }
                return state.active == 0
            }
            if isIdle { continuation.resume() }
        }
    }
}
