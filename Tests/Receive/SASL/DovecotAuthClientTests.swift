import Glibc
import MailSystem
import NIOCore
import NIOPosix
import Sockets
import Testing

@testable import Receive

@Suite struct DovecotAuthClientTests {
    /// A server that hangs up after each answer: the end of one connection is no answer to what was asked on the next.
    @Test func eachQuestionIsAnsweredThoughTheServerHangsUpEachTime() async throws {
        var template = Array("/tmp/apus-dovecot-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        let path = "\(directory)/auth"
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(OneAnswer()) }
            }
            .bind(unixDomainSocketPath: path).get()
        let client = DovecotAuthClient(
            endpoint: .unix(path), group: group, sockets: KernelSockets(), processID: getpid())
        #expect(try await client.mechanisms().map(\.name) == ["PLAIN"])
        for _ in 0..<200 {
            let (id, answer) = try await client.begin { "AUTH\t\($0)\tPLAIN\tservice=smtp\n" }
            #expect(answer == .failure(id: id, reason: nil, username: "a"))
        }
        try await server.close()
        unlink(path)
        rmdir(directory)
        try await group.shutdownGracefully()
    }
}

/// A Dovecot that offers PLAIN, refuses the first request, and hangs up.
private final class OneAnswer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        say("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nDONE\n", context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let text = String(buffer: unwrapInboundIn(data))
        for line in text.split(separator: "\n") where line.hasPrefix("AUTH\t") {
            say("FAIL\t\(line.split(separator: "\t")[1])\tuser=a\n", context)
            context.close(promise: nil)
        }
    }

    private func say(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}
