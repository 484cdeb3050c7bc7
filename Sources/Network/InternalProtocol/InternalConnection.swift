import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Sockets

/// A multiplexed connection to an internal endpoint. Connects on first use and again after it was lost. A call that the
/// other side has not looked at, because its process gave way to a new generation, is made again there; a call that
/// was under way when the other side died fails with `connectionLost`.
public final class InternalConnection: InternalCaller {
    private struct State {
        var channel: EventLoopFuture<Channel>?
        var closed = false
        /// The channel has been used for notifications, which nobody confirms.
        var notified = false
    }

    private static let reconnectTime = TimeAmount.milliseconds(200)

    /// Generations that a call may meet on their way out, one after the other.
    private static let attempts = 5

    public let path: String
    private let eventLoop: any EventLoop
    private let sockets: any Sockets
    private let state = NIOLockedValueBox(State())
    private let afterLoss: OutgoingCall?

    /// - Parameter path: unix-domain socket, relative to the queue directory (the working directory) or absolute.
    public init(path: String, eventLoop: any EventLoop, sockets: any Sockets = KernelSockets()) {
        self.path = path
        self.eventLoop = eventLoop
        self.sockets = sockets
        afterLoss = nil
    }

    /// - Parameter afterLoss: sent when a connection has ended that carried notifications: some may not have got through.
    public init<R: InternalRequest>(
        path: String, eventLoop: any EventLoop, sockets: any Sockets = KernelSockets(), afterLoss request: R
    ) {
        self.path = path
        self.eventLoop = eventLoop
        self.sockets = sockets
        var writer = WireWriter()
        request.encode(into: &writer)
        afterLoss = OutgoingCall(kind: R.kind, payload: writer.buffer, answer: nil)
    }

    public func call<R: InternalRequest>(_ request: R) async throws -> R.Reply {
        var writer = WireWriter()
        request.encode(into: &writer)
        var attempt = 1
        while true {
            do {
                var reader = WireReader(try await ask(R.kind, writer.buffer))
                return try R.Reply(from: &reader)
            } catch InternalProtocolError.notHandled where attempt < Self.attempts {
                attempt += 1
            }
        }
    }

    private func ask(_ kind: UInt8, _ payload: ByteBuffer) async throws -> ByteBuffer {
        let channel = try await connect().get()
        let promise = eventLoop.makePromise(of: ByteBuffer.self)
        let written = eventLoop.makePromise(of: Void.self)
        // A frame that did not go out whole has reached nobody; nor is there anybody left who would fail the promise.
        written.futureResult.whenFailure { _ in promise.fail(InternalProtocolError.notHandled) }
        channel.writeAndFlush(OutgoingCall(kind: kind, payload: payload, answer: promise), promise: written)
        return try await promise.futureResult.get()
    }

    public func notify<R: InternalRequest>(_ request: R) {
        var writer = WireWriter()
        request.encode(into: &writer)
        let call = OutgoingCall(kind: R.kind, payload: writer.buffer, answer: nil)
        connect(toNotify: true).whenSuccess { $0.writeAndFlush(call, promise: nil) }
    }

    /// No more calls from now on; those under way go on. For a process that stops: nobody would take a call that has to
    /// be made again.
    public func refuseCalls() { state.withLockedValue { $0.closed = true } }

    public func close() async {
        let channel = state.withLockedValue { state in
            state.closed = true
            return state.channel
        }
        if let channel = try? await channel?.get() { try? await channel.close().get() }
    }

    private func connect(toNotify: Bool = false) -> EventLoopFuture<Channel> {
        let promise = eventLoop.makePromise(of: Channel.self)
        let current: EventLoopFuture<Channel>? = state.withLockedValue { state in
            if state.closed { return eventLoop.makeFailedFuture(InternalProtocolError.connectionLost) }
            if toNotify { state.notified = true }
            if let channel = state.channel { return channel }
            state.channel = promise.futureResult
            return nil
        }
        if let current {
            promise.fail(InternalProtocolError.connectionLost)
            return current
        }
        let path = path
        let future = promise.futureResult
        open(forget: { self.forget(future) })
            .flatMapErrorThrowing { error in
                throw InternalProtocolError.connectionFailed(path: path, reason: errorText(error))
            }
            .cascade(to: promise)
        future.whenComplete { [self] result in
            switch result {
            case .failure: forget(future)
            case .success(let channel): channel.closeFuture.whenComplete { _ in self.forget(future) }
            }
        }
        return future
    }

    private func open(forget: @escaping @Sendable () -> Void) -> EventLoopFuture<Channel> {
        do {
            return sockets.connect(
                to: try SocketAddress(unixDomainSocketPath: path), on: eventLoop, timeout: nil, options: { $0 },
                initializer: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(
                            ByteToMessageHandler(FrameDecoder()), InternalClientHandler(onGoodbye: forget))
                    }
                })
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    private func forget(_ future: EventLoopFuture<Channel>) {
        let mayHaveLost = state.withLockedValue { state in
            guard state.channel === future else { return false }
            state.channel = nil
            defer { state.notified = false }
            return state.notified && !state.closed
        }
        if mayHaveLost { makeUp() }
    }

    /// Says on a new connection that notifications may have been lost.
    private func makeUp() {
        guard let afterLoss else { return }
        connect().whenComplete { [self] result in
            switch result {
            case .success(let channel): channel.writeAndFlush(afterLoss, promise: nil)
            case .failure:
                if state.withLockedValue({ $0.closed }) { return }
                eventLoop.scheduleTask(in: Self.reconnectTime) { self.makeUp() }
            }
        }
    }
}

/// The C library's text for an I/O error, or the error's own description.
func errorText(_ error: any Error) -> String {
    if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
    return "\(error)"
}

struct OutgoingCall: Sendable {
    var kind: UInt8
    var payload: ByteBuffer
    /// Nil: no answer wanted.
    var answer: EventLoopPromise<ByteBuffer>?
}

/// Numbers the calls and matches the answers.
final class InternalClientHandler: ChannelDuplexHandler {
    typealias InboundIn = Frame
    typealias OutboundIn = OutgoingCall
    typealias OutboundOut = ByteBuffer

    private let onGoodbye: @Sendable () -> Void
    /// By the number of the frame, which is its request id.
    private var waiting: [UInt64: EventLoopPromise<ByteBuffer>] = [:]
    private var sentFrames: UInt64 = 0
    private var ended = false

    /// - Parameter onGoodbye: new calls have to go elsewhere.
    init(onGoodbye: @escaping @Sendable () -> Void) { self.onGoodbye = onGoodbye }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let call = unwrapOutboundIn(data)
        if ended {
            call.answer?.fail(InternalProtocolError.notHandled)
            promise?.fail(InternalProtocolError.notHandled)
            return
        }
        sentFrames += 1
        if let answer = call.answer { waiting[sentFrames] = answer }
        var buffer = context.channel.allocator.buffer(capacity: 13 + call.payload.readableBytes)
        Frame(id: call.answer == nil ? 0 : sentFrames, kind: call.kind, payload: call.payload).write(to: &buffer)
        context.write(wrapOutboundOut(buffer), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var frame = unwrapInboundIn(data)
        if frame.kind == Frame.goodbyeKind {
            return sayGoodbye(handled: frame.payload.readInteger() ?? 0, context)
        }
        guard let answer = waiting.removeValue(forKey: frame.id) else { return }
        if frame.kind == Frame.replyKind {
            answer.succeed(frame.payload)
        } else {
            answer.fail(InternalProtocolError.remote(String(buffer: frame.payload)))
        }
        if ended, waiting.isEmpty { context.close(promise: nil) }
    }

    /// The server gives way: it answers what it has taken, and nothing else.
    private func sayGoodbye(handled: UInt64, _ context: ChannelHandlerContext) {
        ended = true
        onGoodbye()
        let left = waiting.filter { $0.key > handled }
        for (number, answer) in left {
            waiting[number] = nil
            answer.fail(InternalProtocolError.notHandled)
        }
        if waiting.isEmpty { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        failAll()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { failAll() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func failAll() {
        ended = true
        let answers = waiting.values
        waiting = [:]
        for answer in answers { answer.fail(InternalProtocolError.connectionLost) }
    }
}
