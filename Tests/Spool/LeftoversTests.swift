import MailSystem
import TestSupport
import Testing

@testable import Spool

/// What crashes leave. Found by the simulation: nothing ever removed it.
@Suite struct LeftoversTests {
    private let clock = SimulatedClock()
    private let store: MemoryFileStore
    private let directory: QueueDirectory
    private var leftovers: Leftovers { Leftovers(directory) }

    init() {
        store = MemoryFileStore(
            directories: ["incoming", "active", "hold", "maildrop", "deferred", "corrupt", "bounce", "defer", "trace"],
            clock: clock)
        directory = QueueDirectory(store: store, hashNames: [])
    }

    private func writer() throws -> QueueFileWriter {
        let writer = try QueueFileWriter.create(in: directory, time: clock.now())
        writer.append(.line, "text")
        try writer.flush()
        return writer
    }

    @Test func aFileWhoseWriterIsGoneIsRemovedWithItsTrace() throws {
        store.put("incoming/123456.99", [], permissions: 0o600)
        store.put("incoming/ABCDEF", [1, 2, 3], permissions: 0o600)
        store.put("trace/ABCDEF", [1], permissions: 0o600)
        #expect(try leftovers.removeUnfinished(now: clock.now()).isEmpty)
        clock.advance(seconds: 301)
        #expect(try leftovers.removeUnfinished(now: clock.now()) == ["incoming/123456.99", "incoming/ABCDEF"])
        #expect(store.paths.isEmpty)
    }

    @Test func aFileThatIsBeingWrittenStays() throws {
        let writer = try writer()
        clock.advance(seconds: 10_000)
        #expect(try leftovers.removeUnfinished(now: clock.now()).isEmpty)
        try writer.commit(size: nil)
        #expect(try leftovers.removeUnfinished(now: clock.now()).isEmpty)
        #expect(store.paths == [writer.path])
    }

    @Test func aSpareThatIsBeingWrittenStays() throws {
        let store = MemoryFileStore(directories: ["incoming", "hold", "maildrop", "spare"], clock: clock)
        store.put("spare/ABCDEF", [], permissions: 0o600)
        let directory = QueueDirectory(
            store: store, spares: SpareFiles(store: store, clock: clock, limit: 8, reserve: 0, rest: 0))
        let writer = try QueueFileWriter.create(in: directory, time: clock.now())
        writer.append(.line, "text")
        try writer.flush()
        #expect(store.paths == [writer.path])
        clock.advance(seconds: 10_000)
        #expect(try Leftovers(directory).removeUnfinished(now: clock.now()).isEmpty)
        try writer.commit(size: nil)
    }

    @Test func logsWithoutAMessageAreRemoved() throws {
        store.put("defer/ABCDEF", [1])
        store.put("bounce/ABCDE1", [1])
        store.put("trace/ABCDE2", [1])
        store.put("deferred/ABCDEF", [1])
        let candidates = try leftovers.orphanCandidates()
        #expect(candidates.map(\.id.text).sorted() == ["ABCDE1", "ABCDE2"])
        // The message was on its way from one queue to another.
        store.put("active/ABCDE2", [1])
        #expect(leftovers.removeOrphans(candidates).map(\.id.text) == ["ABCDE1"])
        #expect(store.paths == ["active/ABCDE2", "defer/ABCDEF", "deferred/ABCDEF", "trace/ABCDE2"])
    }

    @Test func anUnreadableDirectoryIsNoReasonToRemoveLogs() throws {
        store.put("bounce/ABCDE1", [1])
        let candidates = try leftovers.orphanCandidates()
        store.setFault { operation, _ in operation == "stat" ? 5 : nil }
        #expect(leftovers.removeOrphans(candidates).isEmpty)
    }
}
