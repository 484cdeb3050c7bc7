import Cleanup
import Configuration
import Lookup
import MailSyntax
import MailSystem
import Runtime
import Spool
import TestSupport

/// A message of thirty headers and 4 KiB, on files in memory.
private let content: [UInt8] = {
    var text = "From: Jane <jane@example.org>\nTo: Bob <bob@example.com>, Eve <eve@example.com>\nSubject: a message\n"
    text += "Date: Mon, 23 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.org>\n"
    for number in 0..<25 { text += "X-Header-\(number): some value that a filter put here\n\tand continued\n" }
    text += "\n"
    while text.utf8.count < 4096 { text += "A line of text that is about as long as lines of text are.\n" }
    return Array(text.utf8)
}()

private struct Silent: LogSink {
    func write(_ record: LogRecord) {}
}

private struct Bench {
    let store = MemoryFileStore(directories: ["incoming", "hold", "trace"])
    let queue: QueueDirectory
    let cleanup: CleanupService

    init() {
        let parameters = Parameters(values: [
            "myhostname": "mail.example.net", "mydestination": "", "virtual_alias_maps": "", "alias_maps": "",
        ])
        let log = MailLog(tag: "postfix/cleanup", sink: Silent())
        queue = QueueDirectory(store: store, processID: 7)
        cleanup = CleanupService(
            parameters, opener: TableOpener(settings: TableSettings(), log: log), queue: queue,
            // Work is done at once: no hops are counted here.
            pool: BlockingPool(runner: { $0() }), log: log, notifyQueue: { _ in })
    }

    func take() async throws -> QueueID? {
        let arrival = MailTime(seconds: 1_795_376_434)
        let message = try await cleanup.begin(
            IncomingEnvelope(source: .network, sender: "jane@example.org", arrival: arrival))
        await message.addRecipient(RecipientSpec("bob@example.com"))
        await message.append(content)
        guard case .accepted(let id, _) = await message.finish() else { return nil }
        return QueueID(id)
    }
}

func messageBenchmarks() async throws -> [Benchmark] {
    let bench = Bench()
    guard let id = try await bench.take() else { throw ConfigurationError("the message was not taken") }
    let file = try bench.queue.open(queue: "incoming", id: id)
    let size = try file.status().size
    return [
        Benchmark(name: "cleanup: 30 headers, 4 KiB", threshold: 430) {
            if let id = try await bench.take() { try bench.queue.remove(queue: "incoming", id: id) }
        },
        Benchmark(name: "queue file: envelope and a recipient", threshold: 15) {
            keep(try QueueFileReader(file: file, size: size).envelope())
        },
    ]
}
