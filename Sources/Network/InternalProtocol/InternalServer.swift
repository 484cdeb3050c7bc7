import Glibc
import NIOConcurrencyHelpers
import NIOCore
import Sockets
import Synchronization

/// Answers requests on an inherited listening unix-domain socket. Each request runs in its own task.
public final class InternalServer: Sendable {
    private let channel: Channel
    private let activity: InternalServerActivity

    /// Starts accepting.
    /// - Parameter listener: descriptor that already listens; taken over (closed with the server).
    public static func start(
        listener: CInt, group: any EventLoopGroup, sockets: any Sockets = KernelSockets(), handlers: InternalHandlers
    ) async throws -> InternalServer {
        let activity = InternalServerActivity()
        let channel = try await sockets.accept(
            on: listener, group: group,
            initializer: { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandlers(
                        ByteToMessageHandler(FrameDecoder()),
                        InternalServerHandler(
                            handlers: handlers, activity: activity, eventLoop: child.eventLoop))
                }
            }
        ).get()
        return InternalServer(channel: channel, activity: activity)
    }

    private init(channel: Channel, activity: InternalServerActivity) {
        self.channel = channel
        self.activity = activity
    }

    /// Whoever connects from now on gets to another process.
    public func stopAccepting() async { try? await channel.close().get() }

    /// Stops accepting, says good-bye to the clients, waits for the requests under way, closes all connections. Requests
    /// that were still on their way are made again by their clients, to whoever listens next.
    public func drain() async {
        await stopAccepting()
        await activity.finish()
    }
}

/// Asks the handler of a connection to take no more requests.
struct ServerGoodbye: Sendable {}

/// Counts requests under way, so that a draining process knows when it is done.
final class InternalServerActivity: Sendable {
    private struct State {
        var running = 0
        var isDraining = false
        var channels: [ObjectIdentifier: Channel] = [:]
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = NIOLockedValueBox(State())
    private static let lastPeer = Atomic<UInt64>(0)

    static func nextPeer() -> InternalPeer {
        InternalPeer(id: lastPeer.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// - Returns: false when the server drains already.
    func opened(_ channel: Channel) -> Bool {
        state.withLockedValue { state in
            state.channels[ObjectIdentifier(channel)] = channel
            return !state.isDraining
        }
    }

    func closed(_ channel: Channel) { state.withLockedValue { $0.channels[ObjectIdentifier(channel)] = nil } }

    func began() { state.withLockedValue { $0.running += 1 } }

    func ended() {
        let waiters = state.withLockedValue { state -> [CheckedContinuation<Void, Never>] in
            state.running -= 1
            guard state.running == 0 else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func finish() async {
        let open = state.withLockedValue { state in
            state.isDraining = true
            return Array(state.channels.values)
        }
        for channel in open { try? await channel.triggerUserOutboundEvent(ServerGoodbye()).get() }
        await withCheckedContinuation { continuation in
            let idle = state.withLockedValue { state in
                if state.running > 0 { state.waiters.append(continuation) }
                return state.running == 0
            }
            if idle { continuation.resume() }
        }
        for channel in state.withLockedValue({ Array($0.channels.values) }) { try? await channel.close().get() }
    }
}

final class InternalServerHandler: ChannelDuplexHandler {
    typealias InboundIn = Frame
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let handlers: InternalHandlers
    private let activity: InternalServerActivity
    private let peer = InternalServerActivity.nextPeer()
    private var takenFrames: UInt64 = 0
    private var saidGoodbye = false
    private let executor: LoopExecutor

    init(handlers: InternalHandlers, activity: InternalServerActivity, eventLoop: any EventLoop) {
        self.handlers = handlers
        self.activity = activity
        executor = LoopExecutor(eventLoop)
    }

    func channelActive(context: ChannelHandlerContext) {
        let serves = activity.opened(context.channel)
        context.fireChannelActive()
        if !serves { sayGoodbye(context, promise: nil) }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is ServerGoodbye else { return context.triggerUserOutboundEvent(event, promise: promise) }
        sayGoodbye(context, promise: promise)
    }

    private func sayGoodbye(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        if !saidGoodbye {
            saidGoodbye = true
            var buffer = context.channel.allocator.buffer(capacity: 24)
            var payload = ByteBuffer()
            payload.writeInteger(takenFrames)
            Frame(id: 0, kind: Frame.goodbyeKind, payload: payload).write(to: &buffer)
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        }
        promise?.succeed()
    }

    func channelInactive(context: ChannelHandlerContext) {
        activity.closed(context.channel)
        peer.disconnect()
        handlers.closed?(peer)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard !saidGoodbye else { return }
        takenFrames += 1
        let channel = context.channel
        let (handlers, peer, activity) = (handlers, peer, activity)
        activity.began()
        // The handlers' blocking work runs on pools: the rest is too short to change threads for.
        Task(executorPreference: executor) {
            var answer: Frame
            do {
                let payload = try await handlers.handle(kind: frame.kind, payload: frame.payload, peer: peer)
                answer = Frame(id: frame.id, kind: Frame.replyKind, payload: payload)
            } catch {
                answer = Frame(id: frame.id, kind: Frame.failureKind, payload: ByteBuffer(string: "\(error)"))
            }
            if frame.id != 0 {
                var buffer = channel.allocator.buffer(capacity: 13 + answer.payload.readableBytes)
                answer.write(to: &buffer)
                try? await channel.writeAndFlush(buffer).get()
            }
            activity.ended()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
