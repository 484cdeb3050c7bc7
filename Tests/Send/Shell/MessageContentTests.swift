import MailSystem
import NIOCore
import NIOEmbedded
import Runtime
import Spool
import TestSupport
import Testing

@testable import Send

@Suite struct MessageContentTests {
    /// A connection that broke may leave its sender in the middle of a read: it must not take pieces from the next server.
    @Test func anAbandonedTransferTakesNothingFromTheNextOne() async throws {
        let store = MemoryFileStore(directories: ["active"])
        var bytes: [UInt8] = []
        var text = ""
        for number in 0..<24_000 {
            let line = "line \(number)"
            bytes += RecordCodec.encode(.line, line.utf8)
            text += line + "\r\n"
        }
        bytes += RecordCodec.encode(.extracted, "".utf8) + RecordCodec.encode(.end, "".utf8)
        store.put("active/4F00BA4", bytes)
        let id = try #require(QueueID("4F00BA4"))
        let content = try await MessageContent.open(
            QueueDirectory(store: store), name: "active", id: id, dataOffset: 0, lineLimit: 998,
            pool: BlockingPool(maximumThreads: 4))
        let log = MailLog(tag: "postfix/smtp", sink: MemoryLogSink())
        for _ in 0..<8 {
            let channel = NIOAsyncTestingChannel()
            try await channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 25))
            content.stream(ContentSender(content: content, channel: channel, log: log, progress: {}, done: {}))
            try await content.rewind(converts: false)
            var got = content.first
            while let piece = try await content.next() { got.writeImmutableBuffer(piece) }
            #expect(got.readableBytes == text.utf8.count && String(buffer: got) == text)
        }
    }
}
