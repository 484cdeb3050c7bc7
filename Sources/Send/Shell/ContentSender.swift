import MailSystem
import NIOCore

/// Streams a large message: one piece is on its way while the next one is read, never more.
struct ContentSender: Sendable {
    let content: MessageContent
    let channel: any Channel
    let log: MailLog
    /// Called on the event loop when a piece went out.
    let progress: @Sendable () -> Void
    /// Called on the event loop when everything went out.
    let done: @Sendable () -> Void

    func run() async {
        do {
            var tail = content.first
            var piece = try await send(content.first)
            while let current = piece {
                tail = current
                piece = try await send(current)
            }
            var end = ByteBuffer()
            Self.writeEnd(&end, after: tail)
            try await channel.writeAndFlush(end)
            channel.eventLoop.execute(done)
        } catch {
            // Without the final dot the server drops what it has (RFC 5321 §4.1.1.4).
            if !(error is ChannelError), !(error is IOError) { log.warning("\(error)") }
            channel.close(promise: nil)
        }
    }

    /// Writes a piece and reads the next one meanwhile.
    private func send(_ piece: ByteBuffer) async throws -> ByteBuffer? {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(piece, promise: promise)
        let next = try await content.next()
        try await promise.futureResult.get()
        channel.eventLoop.execute(progress)
        return next
    }

    /// The final dot, on a line of its own.
    static func writeEnd(_ bytes: inout ByteBuffer, after last: ByteBuffer) {
        let end = last.readableBytesView.suffix(2)
        if last.readableBytes > 0, !end.elementsEqual([0x0D, 0x0A]) { bytes.writeString("\r\n") }
        bytes.writeString(".\r\n")
    }
}
