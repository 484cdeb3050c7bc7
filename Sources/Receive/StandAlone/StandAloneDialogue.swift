import Glibc
import MailSystem
import NIOCore

/// One SMTP session over two descriptors, with calls that block: the session is all that the program has to do.
struct StandAloneDialogue {
    private enum Mode {
        case command, authentication, data
        case chunk(remaining: Int, size: Int, isLast: Bool)
    }

    private let session: SMTPSession
    private let settings: ServerSettings
    private let reading: CInt
    private let writing: CInt
    private var input = ByteBuffer()
    private var lines: LineReader
    private var data = DataDecoder(isStrict: false)
    private var chunks = ChunkDecoder()
    private var mode = Mode.command
    private var end: SMTPSession.End?

    init(_ session: SMTPSession, settings: ServerSettings, reading: CInt, writing: CInt) {
        self.session = session
        self.settings = settings
        self.reading = reading
        self.writing = writing
        lines = LineReader(limit: settings.lineLimit)
    }

    /// From the greeting to the end of the session.
    nonisolated(nonsending) mutating func run() async {
        session.logConnect()
        apply(await session.greet())
        while end == nil {
            if await advance() { continue }
            fill()
        }
        await session.end(end ?? .quit)
    }

    /// One step. - Returns: false when more input is needed.
    private nonisolated(nonsending) mutating func advance() async -> Bool {
        switch mode {
        case .command:
            guard let line = lines.next(&input) else { return false }
            if line.isCut { session.logLongLine(line.bytes) }
            // Whoever writes to a pipe cannot be asked to wait for replies.
            apply(await session.command(line.bytes, bareNewline: false, pending: []))
        case .authentication:
            guard let line = lines.next(&input) else { return false }
            apply(await session.authenticationLine(line.bytes))
        case .data:
            guard input.readableBytes > 0 else { return false }
            var text = ByteBuffer()
            let result = data.decode(&input, into: &text)
            if text.readableBytes > 0 {
                await session.content(text, wireBytes: result.wireBytes, bareNewline: false)
            }
            guard result.isComplete else { return false }
            apply(await session.endOfData())
        case .chunk(let remaining, let size, let isLast):
            return await advanceChunk(remaining, size, isLast)
        }
        return true
    }

    private nonisolated(nonsending) mutating func advanceChunk(
        _ remaining: Int, _ size: Int, _ isLast: Bool
    ) async -> Bool {
        if remaining > 0 {
            guard input.readableBytes > 0 else { return false }
            var text = ByteBuffer()
            let result = chunks.decode(&input, limit: remaining, into: &text)
            await session.chunkContent(text, wireBytes: result.wireBytes, bareNewline: false)
            mode = .chunk(remaining: remaining - result.consumed, size: size, isLast: isLast)
            return true
        }
        if isLast {
            var rest = ByteBuffer()
            let added = chunks.finish(into: &rest)
            if added > 0 { await session.chunkContent(rest, wireBytes: added, bareNewline: false) }
            chunks = ChunkDecoder()
        }
        mode = .command
        apply(await session.endOfChunk(size: size, isLast: isLast))
        return true
    }

    private mutating func apply(_ step: SessionStep) {
        if step.delay > 0, step.reply != nil { sleep(UInt32(clamping: step.delay)) }
        let text = (step.reply?.wire ?? "") + (step.farewell?.wire ?? "")
        if !text.isEmpty, (try? Descriptors.writeAll(Array(text.utf8), to: writing)) == nil { end = .lost }
        switch step.next {
        case .command: mode = .command
        case .authentication: mode = .authentication
        case .data:
            mode = .data
            data = DataDecoder(isStrict: false)
        case .chunk(let size, let isLast): mode = .chunk(remaining: size, size: size, isLast: isLast)
        case .startTLS, .close: end = end ?? .quit
        }
    }

    private mutating func fill() {
        let limit = CInt(clamping: min(settings.timeout, 1 << 20) * 1000)
        guard Descriptors.waitReadable(reading, milliseconds: limit) else {
            try? Descriptors.writeAll(Array(session.timeoutReply.wire.utf8), to: writing)
            end = .timeout
            return
        }
        guard let bytes = try? Descriptors.read(reading, count: 32 << 10), !bytes.isEmpty else {
            end = .lost
            return
        }
        input.discardReadBytes()
        input.writeBytes(bytes)
    }
}
