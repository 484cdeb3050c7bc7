import Configuration
import MailSyntax
import MailSystem
import NIOCore
import Synchronization
import TestSupport

@testable import Receive

extension FuzzTarget {
    /// A whole dialogue, through the same line reader and decoders as a connection.
    static let smtpSession = FuzzTarget("smtp-session") { input in wait { await FuzzedSession().play(input) } }
}

/// What a connection does with its bytes, without the connection.
private final class FuzzedSession: @unchecked Sendable {
    // Unchecked: used from one task.
    private static let settings = ServerSettings(
        Parameters(values: [
            "myhostname": "mail.example.com", "compatibility_level": "3.6", "smtpd_banner": "mail.example.com ESMTP",
            "message_size_limit": "10000",
        ]), service: "smtp")
    private let sink = MemoryLogSink()
    private let intake = CountingIntake()
    private let session: SMTPSession
    private var buffer = ByteBuffer()
    private var data = DataDecoder(isStrict: true)
    private var chunks = ChunkDecoder()
    private var accepted = 0

    init() {
        var environment = ServerEnvironment(
            checker: EveryoneChecker(), intake: intake, log: MailLog(tag: "smtpd", sink: sink),
            clock: SimulatedClock(), limits: Unlimited())
        environment.mayUseVERP = { _ in true }
        environment.mayUseXClient = { _ in true }
        environment.mayUseXForward = { _ in true }
        let client = ClientIdentity(
            name: "unknown", nameStatus: .permanent, reverseName: "unknown", reverseStatus: .permanent,
            address: "192.0.2.1", ip: IPAddress("192.0.2.1"), port: "4711")
        session = SMTPSession(
            facts: SessionFacts(client: client, serverAddress: "192.0.2.2", serverPort: "25"),
            settings: Self.settings, environment: environment)
    }

    func play(_ input: [UInt8]) async {
        buffer.writeBytes(input)
        var reader = LineReader(limit: 2048)
        var next = note(await session.greet())
        for _ in 0..<300 {
            switch next {
            case .command:
                guard let line = reader.next(&buffer) else { return await finish() }
                let pending = Array(buffer.readableBytesView.prefix(100))
                next = note(await session.command(line.bytes, bareNewline: line.isBare, pending: pending))
            case .authentication:
                guard let line = reader.next(&buffer) else { return await finish() }
                next = note(await session.authenticationLine(line.bytes))
            case .data:
                var text = ByteBuffer()
                let result = data.decode(&buffer, into: &text)
                await session.content(text, wireBytes: result.wireBytes, bareNewline: result.sawBareNewline)
                guard result.isComplete else { return await finish() }
                data = DataDecoder(isStrict: true)
                next = note(await session.endOfData())
            case .chunk(let size, let isLast):
                guard let step = await chunk(size, isLast) else { return await finish() }
                next = note(step)
            case .startTLS, .close: return await finish()
            }
        }
        await finish()
    }

    private func chunk(_ size: Int, _ isLast: Bool) async -> SessionStep? {
        var text = ByteBuffer()
        var result = chunks.decode(&buffer, limit: size, into: &text)
        if result.consumed < size { return nil }
        if isLast { result.wireBytes += chunks.finish(into: &text) }
        await session.chunkContent(text, wireBytes: result.wireBytes, bareNewline: result.sawBareNewline)
        return await session.endOfChunk(size: size, isLast: isLast)
    }

    private func note(_ step: SessionStep) -> SessionStep.Next {
        for reply in [step.reply, step.farewell].compactMap({ $0 }) {
            require((200..<600).contains(reply.code), "a reply code")
            let lines = reply.wire.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
            require(lines.last?.isEmpty == true, "replies end in CR LF")
            for line in lines.dropLast() {
                require(line.last == 0x0D && !line.dropLast().contains(0x0D), "reply lines: \(reply.wire)")
                require(line.prefix(3).elementsEqual("\(reply.code)".utf8), "each line has the code: \(reply.wire)")
            }
            if reply.wire.contains("queued as") { accepted += 1 }
        }
        return step.next
    }

    private func finish() async {
        await session.end(.lost)
        for record in sink.records {
            require(!LogLine.message(record).contains { $0 < 0x20 || $0 == 0x7F }, "log line: \(record.text)")
        }
        require(intake.finished == accepted, "each message that is queued has its 250, and no other")
        require(intake.open == 0, "no message is left open")
    }
}

private struct EveryoneChecker: RestrictionChecker {
    func check(
        _ stage: RestrictionStage, _ facts: SessionFacts, _ memory: inout RestrictionMemory
    ) async -> RestrictionVerdict { .accept }

    func headerRewriting(_ facts: SessionFacts) async -> HeaderRewriting { .remote }
}

private final class CountingIntake: MessageIntake {
    private let counts = Mutex((begun: 0, finished: 0, ended: 0))
    var finished: Int { counts.withLock { $0.finished } }
    var open: Int { counts.withLock { $0.begun - $0.ended } }

    func begin(_ envelope: MessageEnvelope) async throws -> any IncomingMail {
        counts.withLock { $0.begun += 1 }
        return CountedMail(self)
    }

    func end(finished: Bool) {
        counts.withLock {
            $0.finished += finished ? 1 : 0
            $0.ended += 1
        }
    }
}

private final class CountedMail: IncomingMail {
    private let intake: CountingIntake
    private let size = Mutex(0)

    init(_ intake: CountingIntake) { self.intake = intake }

    var queueID: String { "TEST" }
    func add(_ recipient: MessageRecipient) async {}
    func set(_ effects: MessageEffects) async {}
    func prepend(_ header: String) async {
        require(!header.utf8.contains(0x0D), "headers are lines: \(header)")
        for line in header.utf8.split(separator: 0x0A).dropFirst() {
            require(line.first == 0x09 || line.first == 0x20, "a header is one header: \(header)")
        }
    }
    func append(_ text: ByteBuffer) async {
        let total = size.withLock {
            $0 += text.readableBytes
            return $0
        }
        require(total <= 20_000, "message_size_limit")
    }
    func exceedSize() async {}
    func abort() async { intake.end(finished: false) }
    func finish() async -> IntakeVerdict {
        intake.end(finished: true)
        return .accepted
    }
}
