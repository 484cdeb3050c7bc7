import MailSystem
import Synchronization
import TestSupport
import Testing

@testable import Spool

@Suite struct SpareFilesTests {
    private let store = MemoryFileStore(directories: ["incoming", "active", "spare"])

    private func directory(
        _ store: MemoryFileStore? = nil, reserve: Int = 0, limit: Int = 8
    ) -> QueueDirectory {
        let store = store ?? self.store
        return QueueDirectory(
            store: store,
            spares: SpareFiles(store: store, clock: SystemClock(), limit: limit, reserve: reserve, rest: 0))
    }

    private func names(_ path: String) throws -> [String] {
        var names: [String] = []
        try store.list(path) { name in
            names.append(name)
            return true
        }
        return names
    }

    private func message(_ directory: QueueDirectory, _ text: String) throws -> QueueID {
        let writer = try QueueFileWriter.create(in: directory, time: MailTime(seconds: 1, microseconds: 7))
        writer.append(.line, text)
        try writer.commit(size: nil)
        try directory.move(writer.id, from: "incoming", to: "active")
        return writer.id
    }

    @Test func theNextMessageTakesTheFileOfAFinishedOne() throws {
        let directory = directory()
        let first = try message(directory, "a long first message")
        let inode = try directory.status(queue: "active", id: first).inode
        try directory.finish(queue: "active", id: first)
        #expect(try names("active").isEmpty)
        let spare = try store.status("spare/\(first.text)")
        #expect(spare.size == 0 && spare.permissions == 0o600)

        let second = try message(directory, "short")
        #expect(try directory.status(queue: "active", id: second).inode == inode)
        #expect(store.contents("active/\(second.text)") == RecordCodec.encode(.line, "short".utf8))
        #expect(try directory.status(queue: "active", id: second).permissions == 0o700)
        #expect(try names("spare").isEmpty)
    }

    @Test func aFileThatSomebodyHoldsIsRemoved() throws {
        let directory = directory()
        let id = try message(directory, "held")
        let agent = try directory.open(queue: "active", id: id, writing: true)
        #expect(try agent.tryLock(exclusive: false))
        try directory.finish(queue: "active", id: id)
        #expect(try names("active").isEmpty && names("spare").isEmpty)
        agent.close()
    }

    @Test func aSpareThatIsInUseElsewhereIsLeftAlone() throws {
        let directory = directory()
        let id = try message(directory, "x")
        try directory.finish(queue: "active", id: id)
        let other = try store.open("spare/\(id.text)", writing: true)
        #expect(try other.tryLock(exclusive: true))
        let next = try message(directory, "y")
        #expect(try names("spare") == [id.text])
        #expect(try directory.status(queue: "active", id: next).inode != other.status().inode)
        other.close()
    }

    /// The queue manager was killed between the steps of keeping a file.
    @Test func aSpareWithContentIsEmptiedFirst() throws {
        let directory = directory()
        let id = try message(directory, "the old message, which is longer than the new one")
        try store.rename("active/\(id.text)", to: "spare/\(id.text)")
        let writer = try QueueFileWriter.create(in: directory, time: MailTime(seconds: 2, microseconds: 9))
        writer.append(.line, "new")
        try writer.flush()
        #expect(store.contents(writer.path) == RecordCodec.encode(.line, "new".utf8))
        #expect(try store.status(writer.path).permissions == 0o600)
        #expect(try names("spare").isEmpty)
    }

    @Test func theStockIsReadyWithoutAFileOperation() throws {
        let directory = directory()
        let spares = try #require(directory.spares)
        let old = try (0..<3).map { try message(directory, "\($0)") }
        for id in old { try directory.finish(queue: "active", id: id) }
        #expect(spares.needsFilling())
        #expect(!spares.needsFilling(), "somebody is at it")
        spares.fill()
        let writer = try #require(
            QueueFileWriter.createFromStock(in: directory, time: MailTime(seconds: 3, microseconds: 1)))
        #expect(try names("incoming").isEmpty)
        writer.append(.line, "new")
        try writer.commit(size: nil)
        #expect(try names("incoming") == [writer.id.text])
        #expect(store.contents(writer.path) == RecordCodec.encode(.line, "new".utf8))
    }

    @Test func aSpareThatWasNotWrittenToStaysASpare() throws {
        let directory = directory()
        try directory.finish(queue: "active", id: message(directory, "x"))
        let spares = try #require(directory.spares)
        #expect(spares.needsFilling())
        spares.fill()
        let writer = try #require(QueueFileWriter.createFromStock(in: directory, time: MailTime(seconds: 3)))
        writer.append(.line, "given up")
        writer.abort()
        #expect(try names("incoming").isEmpty)
        #expect(try names("spare").count == 1)
        let next = try message(directory, "y")
        #expect(store.contents("active/\(next.text)") == RecordCodec.encode(.line, "y".utf8))
    }

    @Test func aStockThatNobodyTakesFromIsGivenBack() throws {
        let held = Mutex(0)
        let spares = SpareFiles(store: store, clock: SystemClock(), reserve: 0, rest: 0) { _ in
            held.withLock { $0 += 1 }
        }
        let directory = QueueDirectory(store: store, spares: spares)
        for id in try (0..<3).map({ try message(directory, "\($0)") }) { try directory.finish(queue: "active", id: id) }
        spares.fill()
        #expect(held.withLock { $0 } == 1)
        let name = try #require(names("spare").last)
        let other = try store.open("spare/\(name)", writing: true)
        let writer = QueueFileWriter.createFromStock(in: directory, time: MailTime(seconds: 3))
        writer?.abort()
        #expect(writer != nil)
        #expect(spares.releaseUnused(), "one was taken since")
        #expect(try !other.tryLock(exclusive: true))
        #expect(!spares.releaseUnused())
        #expect(try other.tryLock(exclusive: true))
        other.close()
        #expect(try names("spare").count == 3)
        #expect(QueueFileWriter.createFromStock(in: directory, time: MailTime(seconds: 3)) == nil)
        spares.fill()
        #expect(held.withLock { $0 } == 2)
        #expect(QueueFileWriter.createFromStock(in: directory, time: MailTime(seconds: 3)) != nil)
    }

    @Test func noMoreThanTheLimitAreKeptAndTheReserveStays() throws {
        let directory = directory(reserve: 2, limit: 3)
        let ids = try (0..<5).map { try message(directory, "\($0)") }
        for id in ids { try directory.finish(queue: "active", id: id) }
        #expect(try names("active").isEmpty)
        #expect(try names("spare").count == 3)
        _ = try message(directory, "a")
        #expect(try names("spare").count == 2)
        _ = try message(directory, "b")
        #expect(try names("spare").count == 2)
    }

    @Test func withoutTheDirectoryFilesAreRemoved() throws {
        let store = MemoryFileStore(directories: ["incoming", "active"])
        let directory = directory(store)
        let id = try message(directory, "x")
        try directory.finish(queue: "active", id: id)
        #expect(store.contents("active/\(id.text)") == nil)
    }
}
