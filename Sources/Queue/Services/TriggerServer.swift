import NIOCore
import Sockets

/// A public endpoint where one-byte requests arrive: one connection, some bytes, no answer. The bytes of a connection
/// are handed over as a set: the same request twice counts once.
enum TriggerServer {
    static func start(
        listener: CInt, group: any EventLoopGroup, sockets: any Sockets = KernelSockets(),
        _ body: @escaping @Sendable (Set<UInt8>) -> Void
    ) async throws -> any Channel {
        try await sockets.accept(on: listener, group: group) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(TriggerHandler(body))
            }
        }.get()
    }
}

private final class TriggerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let body: @Sendable (Set<UInt8>) -> Void
    private var timeout: Scheduled<Void>?

    init(_ body: @escaping @Sendable (Set<UInt8>) -> Void) { self.body = body }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        body(Set(unwrapInboundIn(data).readableBytesView))
    }

    func channelInactive(context: ChannelHandlerContext) { timeout?.cancel() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
