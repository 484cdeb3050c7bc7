import InternalProtocol
import MailSyntax
import NIOCore
import Sockets
import Spool

/// public/flush as Postfix's own programs speak it: a greeting, one attribute list, a status; or the wake-up byte.
enum FlushServer {
    static func start(
        listener: CInt, group: any EventLoopGroup, sockets: any Sockets = KernelSockets(), service: FlushService
    ) async throws -> any Channel {
        try await sockets.accept(on: listener, group: group) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(FlushHandler(service))
            }
        }.get()
    }

    /// What one request asks for.
    static func answer(_ request: [AttributeCodec.Attribute], service: FlushService) async -> FlushReply {
        func value(_ name: String) -> String { request.first { $0.name == name }?.value ?? "" }
        switch value("request") {
        case "add":
            guard let id = QueueID(value("queue_id")) else { return .badSite }
            return await service.add(value("site"), id)
        case "send_site": return await service.sendSite(value("site"))
        case "send_file": return await service.sendFile(value("queue_id"))
        case "rfrsh": return await service.refresh(all: false)
        case "purge": return await service.refresh(all: true)
        default: return .badSite
        }
    }

    /// Status values on Postfix's wire (sendprotocols.md §1).
    static func status(_ reply: FlushReply) -> String {
        switch reply {
        case .done: "0"
        case .failed: "1"
        case .badSite: "3"
        case .unknownSite: "4"
        }
    }
}

private final class FlushHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let service: FlushService
    private var received: [UInt8] = []

    init(_ service: FlushService) { self.service = service }

    func channelActive(context: ChannelHandlerContext) {
        let greeting = AttributeCodec.encode([.init("protocol", "queue_flush_protocol")], as: .null)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: greeting)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytesView
        switch AttributeCodec.decode(received, as: .null, limit: 8192) {
        case .malformed: context.close(promise: nil)
        case .incomplete:
            // master's wake-up is a single byte.
            guard received == [UInt8(ascii: "W")] else { return }
            let service = service
            received = []
            Task { _ = await service.refresh(all: false) }
        case .complete(let request, let consumed):
            received.removeFirst(consumed)
            let (service, channel) = (service, context.channel)
            Task {
                let reply = await FlushServer.answer(request, service: service)
                let bytes = AttributeCodec.encode([.init("status", FlushServer.status(reply))], as: .null)
                try? await channel.writeAndFlush(ByteBuffer(bytes: bytes))
                try? await channel.close()
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
