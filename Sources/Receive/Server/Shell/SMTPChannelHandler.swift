import NIOCore
import TLS

/// The end of a client's pipeline: hands events to the connection.
final class SMTPChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: SMTPConnection

    init(_ connection: SMTPConnection) { self.connection = connection }

    func channelActive(context: ChannelHandlerContext) { connection.assumeIsolated { $0.started() } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        connection.assumeIsolated { $0.received(bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) { connection.assumeIsolated { $0.inputEnded() } }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        connection.assumeIsolated { $0.writabilityChanged() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as TLSEvent: connection.assumeIsolated { $0.tlsEvent(event) }
        case ChannelEvent.inputClosed: connection.assumeIsolated { $0.inputEnded() }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
