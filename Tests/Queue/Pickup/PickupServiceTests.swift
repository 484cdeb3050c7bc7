import Cleanup
import Configuration
import Lookup
import MailSystem
import NIOConcurrencyHelpers
import Runtime
import Spool
import TestSupport
import Testing

@testable import Queue

/// pickup and bounces with the real cleanup, on a disk in memory.
final class SubmissionBench: Sendable {
    let bench = ManagerBench(answer: delivered)
    let cleanup: CleanupService
    let arrived = NIOLockedValueBox<[String]>([])
    let refused = NIOLockedValueBox<[CleanupProblem]>([])
    let pickup: PickupService
    let parameters: Parameters

    init(_ values: [String: String] = [:], owner: UInt32 = 99) throws {
        parameters = Parameters(
            values: ["myhostname": "mail.example.com", "myorigin": "example.com"].merging(values) { $1 })
        let log = MailLog(tag: "postfix/cleanup", sink: bench.sink)
        let arrived = arrived
        let refused = refused
        cleanup = CleanupService(
            parameters, opener: TableOpener(parameters: parameters, log: log), queue: bench.directory,
            pool: BlockingPool(), log: log, clock: bench.clock,
            notifyQueue: { id in arrived.withLockedValue { $0.append(id) } })
        pickup = PickupService(
            settings: {
                var settings = PickupService.Settings()
                settings.owner = owner
                return settings
            }(),
            directory: bench.directory, cleanup: cleanup, work: ImmediateWork(), clock: bench.clock,
            log: MailLog(tag: "postfix/pickup", sink: bench.sink),
            returnToSender: { _, _, problem in
                refused.withLockedValue { $0.append(problem) }
                return true
            })
    }

    /// A file as postdrop writes it.
    func drop(
        _ recipients: [String], content: [String], sender: String = "root", extracted: [String] = [],
        permissions: UInt32 = QueueFileMode.maildropReady
    ) throws -> QueueID {
        let now = bench.clock.now()
        let writer = try QueueFileWriter.create(in: bench.directory, queue: "maildrop", time: now)
        writer.append(.time, "\(now.seconds) \(now.microseconds)")
        writer.append(attribute: "rewrite_context", "local")
        writer.append(.sender, sender)
        for recipient in recipients { writer.append(.recipient, recipient) }
        writer.append(.message)
        for line in content { writer.append(.line, line) }
        writer.append(.extracted)
        for recipient in extracted { writer.append(.recipient, recipient) }
        writer.append(.end)
        try writer.commit(size: nil, permissions: permissions)
        bench.clock.advance(seconds: 0.0001)
        return writer.id
    }

    /// Content of a message as text.
    func text(_ id: String, queue: String = "incoming") throws -> String {
        let id = try #require(QueueID(id))
        let reader = try QueueFileReader.open(bench.directory, queue: queue, id: id)
        defer { reader.close() }
        let message = try reader.envelope()
        let content = ContentReader(reader, dataOffset: message.size.dataOffset, format: .text)
        var bytes: [UInt8] = []
        while let chunk = try content.nextChunk() { bytes += chunk }
        return String(decoding: bytes, as: UTF8.self)
    }

    func recipients(_ id: String, queue: String = "incoming") throws -> (sender: String, recipients: [String]) {
        let id = try #require(QueueID(id))
        let reader = try QueueFileReader.open(bench.directory, queue: queue, id: id)
        defer { reader.close() }
        let message = try reader.envelope()
        guard let cursor = message.recipients else { return (message.sender, []) }
        let batch = try reader.recipients(of: message, from: cursor, limit: 100).batch
        return (message.sender, batch.map(\.address))
    }
}

struct PickupServiceTests {
    @Test func aSubmissionEntersTheQueue() async throws {
        let bench = try SubmissionBench()
        _ = try bench.drop(["joe", "x@example.net"], content: ["Subject: hi", "", "text"], extracted: ["kim"])
        await bench.pickup.scan()
        let id = try #require(bench.arrived.withLockedValue { $0.first })
        let queued = try bench.recipients(id)
        #expect(queued.sender == "root@example.com")
        #expect(queued.recipients == ["joe@example.com", "x@example.net", "kim@example.com"])
        let text = try bench.text(id)
        #expect(text.hasPrefix("Received: by mail.example.com (Postfix, from userid 0)\n\tid \(id); "))
        #expect(text.contains("\nSubject: hi\n") && text.contains("\n\ntext\n"))
        #expect(bench.bench.sink.lines.contains("postfix/pickup: \(id): uid=0 from=<root>"))
        #expect(bench.bench.store.paths.allSatisfy { !$0.hasPrefix("maildrop/") })
    }

    /// As in the queue files of Debian's Postfix: recipients found in the header stand behind the content.
    @Test func recipientsOfTheHeaderGoToTheExtractedSegment() async throws {
        let bench = try SubmissionBench()
        _ = try bench.drop(["joe"], content: ["To: kim", "", "text"], extracted: ["kim"])
        await bench.pickup.scan()
        let id = try #require(bench.arrived.withLockedValue { $0.first }.flatMap(QueueID.init))
        let reader = try QueueFileReader.open(bench.bench.directory, queue: "incoming", id: id)
        defer { reader.close() }
        let message = try reader.envelope()
        let batch = try reader.recipients(of: message, from: try #require(message.recipients), limit: 9).batch
        #expect(batch.map { $0.offset > message.extractedOffset } == [false, true])
    }

    @Test func unfinishedFilesAreLeftAlone() async throws {
        let bench = try SubmissionBench()
        let id = try bench.drop(["joe"], content: ["text"], permissions: QueueFileMode.maildropWriting)
        await bench.pickup.scan()
        #expect(bench.arrived.withLockedValue { $0.isEmpty })
        #expect(bench.bench.store.paths.contains("maildrop/\(id)"))
    }

    @Test func damagedFilesAreRemoved() async throws {
        let bench = try SubmissionBench()
        bench.bench.store.put("maildrop/4C0FFEE", [0x51, 0], permissions: 0o744)
        await bench.pickup.scan()
        #expect(!bench.bench.store.paths.contains("maildrop/4C0FFEE"))
        #expect(
            bench.bench.sink.contains("warning: 4C0FFEE: uid=0: unexpected or malformed record type 81 at offset 0"))
    }

    @Test func damagedRequeuedFilesAreKept() async throws {
        let bench = try SubmissionBench(owner: 0)
        bench.bench.store.put("maildrop/4C0FFEE", Array("Q nonsense".utf8), permissions: 0o700)
        await bench.pickup.scan()
        #expect(bench.bench.store.paths.contains("corrupt/4C0FFEE"))
    }

    /// `postsuper -r` moves a queue file to maildrop: it is taken in again, with only what is still to do.
    @Test func requeuedMessages() async throws {
        let bench = try SubmissionBench(owner: 0)
        let old = try bench.bench.write(["done@example.net", "todo@example.net"])
        let reader = try QueueFileReader.open(bench.bench.directory, queue: "incoming", id: old, writing: true)
        let message = try reader.envelope()
        let first = try reader.recipients(of: message, from: try #require(message.recipients), limit: 1).batch[0]
        try reader.markDone(at: first.offset)
        reader.close()
        try bench.bench.directory.move(old, from: "incoming", to: "maildrop")
        await bench.pickup.scan()
        let id = try #require(bench.arrived.withLockedValue { $0.first })
        #expect(try bench.recipients(id).recipients == ["todo@example.net"])
        #expect(bench.bench.sink.lines.contains("postfix/pickup: \(id): uid=0 from=<a@example.org> orig_id=\(old)"))
    }

    @Test func whatCanNeverBeQueuedGoesBackToItsSender() async throws {
        let bench = try SubmissionBench(["hopcount_limit": "2"])
        let hops = (0..<4).map { "Received: by hop\($0); today" }
        _ = try bench.drop(["joe"], content: hops + ["", "text"])
        await bench.pickup.scan()
        #expect(bench.refused.withLockedValue { $0 } == [.tooManyHops])
        #expect(bench.bench.store.paths.filter { $0.hasPrefix("incoming/") || $0.hasPrefix("maildrop/") }.isEmpty)
    }

    @Test func aFullDiskLosesNothing() async throws {
        let bench = try SubmissionBench()
        let id = try bench.drop(["joe"], content: ["text"])
        bench.bench.store.setFault { operation, path in operation == "create" && path.hasPrefix("incoming") ? 28 : nil }
        await bench.pickup.scan()
        #expect(bench.bench.store.paths.contains("maildrop/\(id)"))
        bench.bench.store.setFault(nil)
        await bench.pickup.scan()
        #expect(bench.arrived.withLockedValue { $0.count } == 1)
    }

    /// A submission on a disk that fails at one operation.
    private func withFault(_ failing: String) throws -> (SubmissionBench, QueueID) {
        let bench = try SubmissionBench()
        let id = try bench.drop(["x@example.com"], content: ["Subject: a", "", "b"])
        bench.bench.store.setFault { operation, path in
            operation == failing && path.hasPrefix("maildrop/") ? 5 : nil
        }
        return (bench, id)
    }

    /// Simulation: a read error was taken for damage, and the user's message removed.
    @Test func aFileThatCannotBeReadNowStays() async throws {
        let (bench, id) = try withFault("read")
        await bench.pickup.scan()
        #expect(bench.bench.location(id) == "maildrop")
        bench.bench.store.setFault(nil)
        await bench.pickup.scan()
        #expect(bench.arrived.withLockedValue { $0.count } == 1)
        #expect(bench.bench.location(id) == nil)
    }

    /// Simulation: a message whose file could not be removed was queued again with each scan.
    @Test func aFileThatCannotBeRemovedIsQueuedOnce() async throws {
        let (bench, id) = try withFault("remove")
        await bench.pickup.scan()
        await bench.pickup.scan()
        bench.bench.store.setFault(nil)
        await bench.pickup.scan()
        #expect(bench.arrived.withLockedValue { $0.count } == 1)
        #expect(bench.bench.location(id) == nil)
    }

    /// Simulation: the next generation does not know of it, and queued the message again.
    @Test func aFileThatCouldNotBeRemovedGoesBeforeTheNextGenerationComes() async throws {
        let (bench, id) = try withFault("remove")
        await bench.pickup.scan()
        #expect(bench.bench.location(id) == "maildrop")
        bench.bench.store.setFault(nil)
        await bench.pickup.stop()
        #expect(bench.bench.location(id) == nil)
    }
}
