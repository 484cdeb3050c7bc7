import MailSystem
import Spool
import Submission
import Synchronization
import TestSupport
import Testing

@testable import Operate

@Suite struct QueueMaintenanceTests {
    private final class Lines: LogSink {
        let lines = Mutex<[String]>([])
        func write(_ record: LogRecord) { lines.withLock { $0.append(record.severity.label + record.text) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private let store = MemoryFileStore(
        directories: ["incoming", "active", "deferred", "hold", "maildrop", "bounce", "defer", "trace", "flush"])
    private let lines = Lines()
    private var directory: QueueDirectory { QueueDirectory(store: store) }
    private var work: QueueMaintenance {
        QueueMaintenance(directory: directory, log: MailLog(tag: "postsuper", sink: lines))
    }

    /// A complete (empty) file under its right name, with a defer log.
    private func message(_ queue: String) throws -> QueueID {
        let writer = try QueueFileWriter.create(
            in: directory, queue: queue, time: MailTime(seconds: 9, microseconds: 1))
        try writer.commit(size: nil)
        try BounceLog.append(
            directory, queue: "defer", id: writer.id,
            RecipientLogEntry(recipient: "a@b", status: "4.0.0", action: "delayed", reason: "r"))
        return writer.id
    }

    @Test func deletingRemovesTheLogsToo() throws {
        let id = try message("deferred")
        var work = work
        try work.perform(.delete, id: id.text, queues: ["hold", "incoming", "active", "deferred"])
        #expect(store.paths.isEmpty)
        #expect(work.counts.deleted == 1)
        #expect(lines.all == ["\(id): removed"])
        try work.perform(.delete, id: id.text, queues: ["deferred"])
        try work.perform(.delete, id: "a/b", queues: ["deferred"])
        #expect(work.counts.deleted == 1)
        #expect(lines.all.last == "warning: invalid mail queue id: a/b")
    }

    @Test func holdingAndReleasing() throws {
        let id = try message("incoming")
        var work = work
        try work.perform(.hold, id: id.text, queues: PostsuperOptions.Action.hold.defaultQueues)
        #expect(directory.locate(id)?.queue == "hold")
        try work.perform(.hold, id: id.text, queues: PostsuperOptions.Action.hold.defaultQueues)
        #expect(work.counts.held == 1)
        try work.perform(.expireAndRelease, id: id.text, queues: ["hold"])
        #expect(store.paths.contains("deferred/\(id.hashDirectories(depth: 1)[0])/\(id)"))
        #expect(directory.locate(id)?.status.asksForExpiry == true)
        #expect(lines.all == ["\(id): placed on hold", "\(id): expired", "\(id): released from hold"])
    }

    @Test func requeuedMailGoesToTheMaildrop() throws {
        let ids = [try message("hold"), try message("incoming")]
        var work = work
        try work.performAll(.requeue, queues: PostsuperOptions.Action.requeue.defaultQueues)
        #expect(work.counts.requeued == 2)
        #expect(store.paths == ids.map { "maildrop/\($0)" }.sorted())
        // ALL reports the number only.
        #expect(lines.all.isEmpty)
    }

    @Test func unfinishedFilesAreLeftAlone() throws {
        let writer = try QueueFileWriter.create(in: directory, time: MailTime(seconds: 9))
        var work = work
        try work.performAll(.hold, queues: ["incoming"])
        #expect(work.counts.held == 0)
        #expect(store.paths == ["incoming/\(writer.id)"])
    }

    @Test func restoredFilesGetTheNameOfTheirInode() throws {
        let first = try message("deferred")
        let second = try message("deferred")
        // As a restored backup: each file has the name that belongs to the other.
        func path(_ id: QueueID) -> String { directory.path(queue: "deferred", id: id) }
        try store.rename(path(first), to: "deferred/swap")
        try store.rename(path(second), to: path(first))
        try store.rename("deferred/swap", to: path(second))
        var work = work
        try work.repair(queues: ["deferred"], longNames: false)
        for id in [first, second] {
            #expect(try directory.status(queue: "deferred", id: id).inode == id.inode)
        }
        #expect(work.counts.renamed == 2)
    }

    @Test func filesMoveToTheirSubdirectory() throws {
        let id = try message("deferred")
        try store.rename(directory.path(queue: "deferred", id: id), to: "deferred/\(id)")
        var work = work
        try work.repair(queues: ["deferred", "defer"], longNames: false)
        #expect(store.paths.contains("deferred/0/\(id)"))
        #expect(work.counts.renamed == 0)
    }

    @Test(arguments: [
        ("4jXffz0005z2NH1K", false, false, "000052A"), ("4jXffz0005z2NH1K", true, false, nil),
        ("00005FF", true, true, "000052A"), ("000052A", false, false, nil),
    ])
    func namesAreRepaired(text: String, long: Bool, checkLong: Bool, expected: String?) throws {
        let id = try #require(QueueID(text))
        #expect(QueueNames.repaired(id, inode: 42, longIDs: long, checkLong: checkLong)?.text == expected)
    }
}

@Suite struct PostsuperOptionsTests {
    @Test func requestsKeepTheirOrder() throws {
        let options = try PostsuperOptions(["-h", "A1", "-d", "-", "-r", "ALL", "deferred"])
        #expect(
            options.requests == [
                .init(action: .hold, target: .message("A1")), .init(action: .delete, target: .input),
                .init(action: .requeue, target: .all),
            ])
        #expect(options.queues == ["deferred"])
        #expect(!options.repair && !options.purge)
        #expect(try PostsuperOptions([]).repair)
    }

    @Test(arguments: [["-d", "ALL", "nowhere"], ["-x"], ["-d"]])
    func mistakesEndIt(arguments: [String]) {
        #expect(throws: Submission.CommandFailure.self) { try PostsuperOptions(arguments) }
    }
}
