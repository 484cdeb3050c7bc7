import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A multiplexed connection to an internal endpoint. Connects on first use and again after it was lost; calls under way
/// then fail with `connectionLost`.
public final class InternalConnection: InternalCaller {
    private struct State {
        var channel: EventLoopFuture<Channel>?
        var closed = false
    }

    public let path: String
    private let eventLoop: any EventLoop
    private let state = NIOLockedValueBox(State())

    /// - Parameter path: unix-domain socket, relative to the queue directory (the working directory) or absolute.
    public init(path: String, eventLoop: any EventLoop) {
        self.path = path
        self.eventLoop = eventLoop
    }

    public func call<R: InternalRequest>(_ request: R) async throws -> R.Reply {
        var writer = WireWriter()
        request.encode(into: &writer)
        let payload = writer.buffer
        let channel = try await connect().get()
        let promise = eventLoop.makePromise(of: ByteBuffer.self)
        channel.writeAndFlush(OutgoingCall(kind: R.kind, payload: payload, answer: promise), promise: nil)
        let answer = try await promise.futureResult.get()
        var reader = WireReader(answer)
        return try R.Reply(from: &reader)
    }

    public func notify<R: InternalRequest>(_ request: R) {
        var writer = WireWriter()
        request.encode(into: &writer)
        let call = OutgoingCall(kind: R.kind, payload: writer.buffer, answer: nil)
        connect().whenSuccess { $0.writeAndFlush(call, promise: nil) }
    }

    public func close() async {
        let channel = state.withLockedValue { state in
            state.closed = true
            return state.channel
        }
        if let channel = try? await channel?.get() { try? await channel.close().get() }
    }

    private func connect() -> EventLoopFuture<Channel> {
        let promise = eventLoop.makePromise(of: Channel.self)
        let current: EventLoopFuture<Channel>? = state.withLockedValue { state in
            if state.closed { return eventLoop.makeFailedFuture(InternalProtocolError.connectionLost) }
            if let channel = state.channel { return channel }
            state.channel = promise.futureResult
            return nil
        }
        if let current {
            promise.fail(InternalProtocolError.connectionLost)
            return current
        }
        let path = path
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        ByteToMessageHandler(FrameDecoder()), InternalClientHandler())
                }
            }
            .connect(unixDomainSocketPath: path)
            .flatMapErrorThrowing { error in
                throw InternalProtocolError.connectionFailed(path: path, reason: errorText(error))
            }
            .cascade(to: promise)
        let future = promise.futureResult
        future.whenComplete { [self] result in
            switch result {
            case .failure: forget(future)
            case .success(let channel): channel.closeFuture.whenComplete { _ in self.forget(future) }
            }
        }
        return future
    }

    private func forget(_ future: EventLoopFuture<Channel>) {
        state.withLockedValue { if $0.channel === future { $0.channel = nil } }
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

    private var waiting: [UInt64: EventLoopPromise<ByteBuffer>] = [:]
    private var lastID: UInt64 = 0
    private var ended = false

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let call = unwrapOutboundIn(data)
        if ended {
            call.answer?.fail(InternalProtocolError.connectionLost)
            promise?.fail(InternalProtocolError.connectionLost)
            return
        }
        var id: UInt64 = 0
        if let answer = call.answer {
            lastID += 1
            id = lastID
            waiting[id] = answer
        }
        var buffer = context.channel.allocator.buffer(capacity: 13 + call.payload.readableBytes)
        Frame(id: id, kind: call.kind, payload: call.payload).write(to: &buffer)
        context.write(wrapOutboundOut(buffer), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard let promise = waiting.removeValue(forKey: frame.id) else { return }
        if frame.kind == Frame.replyKind {
            promise.succeed(frame.payload)
        } else {
            promise.fail(InternalProtocolError.remote(String(buffer: frame.payload)))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        failAll()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { failAll() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func failAll() {
        ended = true
        let promises = waiting.values
        waiting = [:]
        for promise in promises { promise.fail(InternalProtocolError.connectionLost) }
    }
}
