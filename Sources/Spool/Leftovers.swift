import Glibc
import MailSystem

/// Finds and removes what a crash leaves in the queue: files whose writer is gone, logs whose message is gone. All calls
/// block.
public struct Leftovers: Sendable {
    /// Where messages are written.
    static let writtenQueues = ["incoming", "hold", "maildrop"]
    /// Seconds since a file was changed, in either direction of a clock that jumps. A writer locks its file at once.
    public static let age = 300.0
    /// Logs that are remembered from one look to the next.
    static let candidateLimit = 10_000

    private let directory: QueueDirectory

    public init(_ directory: QueueDirectory) { self.directory = directory }

    // MARK: unfinished files

    /// Removes files that are not complete and that nobody writes any more.
    /// - Returns: their paths.
    public func removeUnfinished(now: MailTime) throws(SystemError) -> [String] {
        var removed: [String] = []
        for queue in Self.writtenQueues {
            let scan = directory.scan(queue, allNames: true)
            defer { scan.close() }
            while let entry = try scan.nextEntry() {
                guard let status = try? directory.store.status(entry.path), isUnfinished(status),
                    abs(now.since(status.modified)) >= Self.age, remove(entry.path)
                else { continue }
                removed.append(entry.path)
                // A power loss may have left it without its mode after deliveries had begun.
                guard let id = QueueID(entry.name) else { continue }
                for log in QueueDirectory.logQueues { try? BounceLog.remove(directory, queue: log, id: id) }
            }
        }
        return removed
    }

    private func isUnfinished(_ status: FileStatus) -> Bool {
        status.isRegularFile && !status.isReadyQueueFile && !status.isMarkedCorrupt
    }

    private func remove(_ path: String) -> Bool {
        guard let file = try? directory.store.open(path, writing: false) else { return false }
        defer { file.close() }
        do {
            // With the lock it is known what the file has become: complete, or left.
            guard try file.tryLock(exclusive: true) else { return false }
            let status = try file.status()
            guard isUnfinished(status), try directory.store.status(path).inode == status.inode else { return false }
            try directory.store.remove(path)
            return true
        } catch {
            return false
        }
    }

    // MARK: logs without a message

    /// A log that may be left.
    public struct Log: Hashable, Sendable {
        public var queue: String
        public var id: QueueID
    }

    /// Logs whose message was not seen. A message that moves from queue to queue meanwhile may be missed: look again after
    /// a while, with `removeOrphans`.
    public func orphanCandidates() throws(SystemError) -> [Log] {
        var found: [Log] = []
        for queue in QueueDirectory.logQueues {
            let scan = directory.scan(queue)
            defer { scan.close() }
            while found.count < Self.candidateLimit, let id = try scan.next() {
                if !hasMessage(id) { found.append(Log(queue: queue, id: id)) }
            }
        }
        return found
    }

    /// Removes those whose message is still not there.
    public func removeOrphans(_ candidates: [Log]) -> [Log] {
        candidates.filter { log in
            !hasMessage(log.id) && (try? directory.remove(queue: log.queue, id: log.id)) != nil
        }
    }

    /// Only a message that is certainly not there counts as gone.
    private func hasMessage(_ id: QueueID) -> Bool {
        for _ in 0..<2 {
            for queue in QueueDirectory.messageQueues {
                do {
                    _ = try directory.status(queue: queue, id: id)
                    return true
                } catch {
                    if error.errno != ENOENT { return true }
                }
            }
        }
        return false
    }
}
