import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TLS

/// A small SMTP server on the loopback interface. Answers by verb; a reply of `CLOSE` closes instead.
final class ScriptedServer: Sendable {
    struct Script: Sendable {
        /// By verb (`GREET`, `EHLO`, … `DOT`); used in turn, the last one repeats.
        var replies: [String: [String]] = [:]
        var tls: TLSContext?
        /// Replies after the final dot, as LMTP has them.
        var repliesPerMessage = 1
    }

    private struct Seen: Sendable {
        var commands: [String] = []
        var connections = 0
        var bodies: [Int] = []
        var lastBody: [UInt8] = []
        var counts: [String: Int] = [:]
    }

    private let channel: any Channel
    private let seen: NIOLockedValueBox<Seen>

    var port: Int { channel.localAddress?.port ?? 0 }
    var commands: [String] { seen.withLockedValue { $0.commands } }
    var connections: Int { seen.withLockedValue { $0.connections } }
    var bodySizes: [Int] { seen.withLockedValue { $0.bodies } }
    /// The end of the last content, 100 bytes.
    var tail: String { seen.withLockedValue { String(decoding: $0.lastBody.suffix(100), as: UTF8.self) } }

    private init(_ channel: any Channel, _ seen: NIOLockedValueBox<Seen>) {
        self.channel = channel
        self.seen = seen
    }

    static func start(_ group: any EventLoopGroup, _ script: Script = Script()) async throws -> ScriptedServer {
        let seen = NIOLockedValueBox(Seen())
        let channel = try await ServerBootstrap(group: group).childChannelInitializer { child in
            child.eventLoop.makeCompletedFuture {
                try child.pipeline.syncOperations.addHandler(Session(script, seen))
            }
        }.bind(host: "127.0.0.1", port: 0).get()
        return ScriptedServer(channel, seen)
    }

    func stop() async { try? await channel.close() }

    private final class Session: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let script: Script
        private let seen: NIOLockedValueBox<Seen>
        private var line: [UInt8] = []
        private var inContent = false
        private var size = 0

        init(_ script: Script, _ seen: NIOLockedValueBox<Seen>) {
            self.script = script
            self.seen = seen
        }

        func channelActive(context: ChannelHandlerContext) {
            seen.withLockedValue { $0.connections += 1 }
            answer("GREET", context)
        }

        private func answer(_ verb: String, _ context: ChannelHandlerContext) {
            let usual = [
                "GREET": "220 srv.test ESMTP", "EHLO": "250-srv.test\r\n250 PIPELINING", "DATA": "354 go",
                "QUIT": "221 bye",
                "STARTTLS": "220 go",
            ]
            let reply = seen.withLockedValue { seen -> String in
                guard let list = script.replies[verb], !list.isEmpty else { return usual[verb] ?? "250 ok" }
                let count = seen.counts[verb, default: 0]
                seen.counts[verb] = count + 1
                return list[min(count, list.count - 1)]
            }
            if reply == "CLOSE" { return context.close(promise: nil) }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: reply + "\r\n")), promise: nil)
            if verb == "DATA", reply.hasPrefix("354") { inContent = true }
            if verb == "STARTTLS", let tls = script.tls, let handler = try? TLSHandler(context: tls) {
                try? context.pipeline.syncOperations.addHandler(handler, position: .first)
            }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            for byte in unwrapInboundIn(data).readableBytesView {
                line.append(byte)
                if byte == 0x0A { endLine(context) }
            }
        }

        private func endLine(_ context: ChannelHandlerContext) {
            defer { line.removeAll(keepingCapacity: true) }
            if inContent {
                if line == Array(".\r\n".utf8) {
                    inContent = false
                    seen.withLockedValue { $0.bodies.append(size) }
                    size = 0
                    for _ in 0..<script.repliesPerMessage { answer("DOT", context) }
                } else {
                    size += line.count
                    seen.withLockedValue { $0.lastBody = Array(($0.lastBody + line).suffix(100)) }
                }
                return
            }
            let text = String(decoding: line, as: UTF8.self).split(separator: "\r\n").first.map(String.init) ?? ""
            seen.withLockedValue { $0.commands.append(text) }
            answer(text.split(separator: " ").first.map(String.init) ?? "", context)
            if text == "QUIT" { context.close(promise: nil) }
        }
    }
}
