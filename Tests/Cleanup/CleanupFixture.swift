import Cleanup
import Configuration
import Lookup
import MailSyntax
import MailSystem
import Runtime
import Spool
import Synchronization
import TestSupport
import Testing

/// A cleanup service on files in memory, with the settings that Debian's Postfix had when the expected records were
/// taken from its queue files.
struct CleanupFixture {
    static let settings = [
        "myhostname": "mail.home.example", "mydomain": "home.example", "myorigin": "$mydomain",
        "mydestination": "$myhostname, localhost", "inet_interfaces": "127.0.0.1", "compatibility_level": "3.6",
        "recipient_delimiter": "+", "virtual_alias_maps": "",
    ]
    static let pool = BlockingPool(maximumThreads: 4)

    let store: MemoryFileStore
    let sink = MemoryLogSink()
    let clock = SimulatedClock(MailTime(seconds: 1_795_376_434, microseconds: 274_119))
    let service: CleanupService
    let announced: Announced

    final class Announced: Sendable {
        private let ids = Mutex<[String]>([])
        func add(_ id: String) { ids.withLock { $0.append(id) } }
        var all: [String] { ids.withLock { $0 } }
    }

    init(_ more: [String: String] = [:]) {
        let parameters = Parameters(values: Self.settings.merging(more) { $1 })
        store = MemoryFileStore(directories: ["incoming", "hold", "trace"], clock: clock)
        let announced = Announced()
        self.announced = announced
        let log = MailLog(tag: "postfix/cleanup", sink: sink)
        service = CleanupService(
            parameters, opener: TableOpener(settings: TableSettings(), log: log),
            queue: QueueDirectory(store: store, processID: 7), pool: Self.pool, log: log, clock: clock,
            notifyQueue: { announced.add($0) })
    }

    static var client: ClientFacts {
        var client = ClientFacts()
        client.clientName = "unknown"
        client.reverseClientName = "unknown"
        client.clientAddress = "127.0.0.1"
        client.clientPort = "53066"
        client.serverAddress = "127.0.0.1"
        client.serverPort = "12625"
        client.heloName = "client.example"
        client.protocolName = "ESMTP"
        return client
    }

    func envelope(_ source: MessageSource = .network, sender: String = "a@remote.example") -> IncomingEnvelope {
        var envelope = IncomingEnvelope(source: source, sender: sender, arrival: clock.now())
        if source == .network { envelope.client = Self.client }
        return envelope
    }

    struct Outcome {
        var verdict: CleanupVerdict
        var id: String
        /// `R foo@home.example`, one for each record; the queue id as QID.
        var records: [String]

        /// The records of some types.
        func only(_ types: String) -> [String] {
            records.filter { types.utf8.contains($0.utf8.first ?? 0) }
        }

        /// Text lines without Received: and generated headers.
        var content: [String] {
            only("NL").filter { line in
                !["N Received", "N \tid ", "N Message-Id: <2026", "N Date: Sun", "N From: a@remote"]
                    .contains { line.hasPrefix($0) }
            }.map { String($0.dropFirst(2)) }
        }
    }

    /// Sends one message: recipients, content in pieces of `chunk` bytes, then `extracted` recipients.
    func send(
        _ text: String = "Subject: x\n\n", to recipients: [RecipientSpec] = [RecipientSpec("foo@home.example")],
        extracted: [RecipientSpec] = [], envelope: IncomingEnvelope? = nil, effects: MessageEffects = MessageEffects(),
        chunk: Int = .max
    ) async throws -> Outcome {
        try await send(
            bytes: Array(text.utf8), to: recipients, extracted: extracted, envelope: envelope, effects: effects,
            chunk: chunk)
    }

    func send(
        bytes: [UInt8], to recipients: [RecipientSpec] = [RecipientSpec("foo@home.example")],
        extracted: [RecipientSpec] = [], envelope: IncomingEnvelope? = nil, effects: MessageEffects = MessageEffects(),
        chunk: Int = .max
    ) async throws -> Outcome {
        let message = try await service.begin(envelope ?? self.envelope())
        for recipient in recipients { await message.addRecipient(recipient) }
        await message.prependReceived()
        message.setEffects(effects)
        var rest = bytes[...]
        while !rest.isEmpty {
            await message.append(Array(rest.prefix(chunk)))
            rest = rest.dropFirst(chunk)
        }
        for recipient in extracted { await message.addRecipient(recipient) }
        let verdict = await message.finish()
        return Outcome(verdict: verdict, id: message.queueID, records: dump(message.queueID))
    }

    func dump(_ id: String, queue: String = "incoming") -> [String] {
        guard let bytes = store.contents("\(queue)/\(id)") else { return [] }
        var records: [String] = []
        var index = 0
        while index < bytes.count, case .header(let header) = RecordCodec.header(bytes[index...]) {
            let start = index + header.size
            let payload = String(decoding: bytes[start..<(start + header.length)], as: UTF8.self)
            let text = payload.split(separator: id, omittingEmptySubsequences: false).joined(separator: "QID")
            records.append("\(Character(Unicode.Scalar(header.type.rawValue))) \(text)")
            index = start + header.length
        }
        return records
    }
}
