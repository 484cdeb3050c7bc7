import Glibc
import MailSystem
import Spool
import Submission

/// The operations of postsuper on one queue directory. Blocks; any number of messages costs the same memory.
struct QueueMaintenance {
    /// How many messages each operation changed.
    struct Counts: Equatable {
        var deleted = 0
        var requeued = 0
        var held = 0
        var released = 0
        var expired = 0
        var renamed = 0
    }

    let directory: QueueDirectory
    let log: MailLog
    private(set) var counts = Counts()

    init(directory: QueueDirectory, log: MailLog) {
        self.directory = directory
        self.log = log
    }

    /// - Parameter queues: where to look.
    mutating func perform(_ action: PostsuperOptions.Action, id text: String, queues: [String]) throws(SystemError) {
        guard let id = QueueID(text) else {
            log.warning("invalid mail queue id: \(text)")
            return
        }
        // Twice: the message may change queues meanwhile.
        for _ in 0..<2 {
            for queue in queues {
                CommandTrace.tell("queue: \(queue): \(text)")
                if try perform(action, id, queue, quiet: false) { return }
            }
        }
    }

    mutating func performAll(_ action: PostsuperOptions.Action, queues: [String]) throws(SystemError) {
        for queue in queues {
            CommandTrace.tell("queue: \(queue)")
            let scan = directory.scan(queue)
            defer { scan.close() }
            while let id = try scan.next() { _ = try perform(action, id, queue, quiet: true) }
        }
    }

    /// - Returns: true when the message was there.
    private mutating func perform(
        _ action: PostsuperOptions.Action, _ id: QueueID, _ queue: String, quiet: Bool
    ) throws(SystemError) -> Bool {
        guard let status = try existing(queue, id), status.isRegularFile else { return false }
        switch action {
        case .delete: return try delete(id, queue, quiet: quiet)
        case .requeue:
            guard status.isReadyQueueFile, queue != "maildrop", try move(id, queue, "maildrop") else { return false }
            removeLogs(id)
            counts.requeued += 1
            report(id, "requeued", quiet)
        case .hold:
            guard status.isReadyQueueFile, queue != "hold" else { return false }
            guard queue != "maildrop", try move(id, queue, "hold") else { return false }
            counts.held += 1
            report(id, "placed on hold", quiet)
        case .release:
            guard status.isReadyQueueFile, queue == "hold", try move(id, queue, "deferred") else { return false }
            counts.released += 1
            report(id, "released from hold", quiet)
        case .expire:
            guard status.isReadyQueueFile, !isExpired(status), try expire(id, queue, status) else { return false }
            report(id, "expired", quiet)
        case .expireAndRelease:
            guard status.isReadyQueueFile else { return false }
            if !isExpired(status) {
                guard try expire(id, queue, status) else { return false }
                report(id, "expired", quiet)
            }
            if queue == "hold", try move(id, queue, "deferred") {
                counts.released += 1
                report(id, "released from hold", quiet)
            }
        }
        return true
    }

    private func report(_ id: QueueID, _ text: String, _ quiet: Bool) {
        if !quiet { log.info("\(id): \(text)") }
    }

    private func existing(_ queue: String, _ id: QueueID) throws(SystemError) -> FileStatus? {
        do {
            return try directory.status(queue: queue, id: id)
        } catch {
            guard error.errno == ENOENT else { throw error }
            return nil
        }
    }

    private func move(_ id: QueueID, _ from: String, _ to: String) throws(SystemError) -> Bool {
        do {
            try directory.move(id, from: from, to: to)
            return true
        } catch {
            guard error.errno == ENOENT else { throw error }
            return false
        }
    }

    private mutating func delete(_ id: QueueID, _ queue: String, quiet: Bool) throws(SystemError) -> Bool {
        do {
            try directory.remove(queue: queue, id: id)
        } catch {
            guard error.errno == ENOENT else { throw error }
            return false
        }
        // After the message: a log without a message is harmless, a message without its log loses reasons.
        removeLogs(id)
        counts.deleted += 1
        report(id, "removed", quiet)
        return true
    }

    private func removeLogs(_ id: QueueID) {
        for log in QueueDirectory.logQueues { try? BounceLog.remove(directory, queue: log, id: id) }
    }

    private func isExpired(_ status: FileStatus) -> Bool { status.permissions & QueueFileMode.expire != 0 }

    private mutating func expire(_ id: QueueID, _ queue: String, _ status: FileStatus) throws(SystemError) -> Bool {
        do {
            try directory.store.setPermissions(
                directory.path(queue: queue, id: id), status.permissions | QueueFileMode.expire)
        } catch {
            guard error.errno == ENOENT else { throw error }
            return false
        }
        counts.expired += 1
        return true
    }

    /// Seconds after which what was never finished is rubbish.
    static let staleAge = 7 * 86_400

    /// Removes unfinished files that a crash left behind.
    mutating func purge(queues: [String], now: MailTime) throws(SystemError) {
        for queue in queues where !Self.isLogQueue(queue) {
            CommandTrace.tell("queue: \(queue): unfinished files")
            let scan = directory.scan(queue, allNames: true)
            defer { scan.close() }
            while let (_, path) = try scan.nextEntry() {
                guard let status = try? directory.store.status(path), status.isRegularFile, !status.isReadyQueueFile,
                    status.modified.seconds < now.seconds - Self.staleAge
                else { continue }
                log.warning("removing old temporary file \(path)")
                try? directory.store.remove(path)
            }
        }
    }

    static func isLogQueue(_ queue: String) -> Bool {
        ["bounce", "defer", "trace", "flush", "corrupt"].contains(queue)
    }

    /// Gives files the names that their inodes and the configuration ask for, and puts them in the right directories.
    mutating func repair(queues: [String], longNames: Bool) throws(SystemError) {
        // Each pass may free a name that another file waits for.
        for _ in 0..<10 where try !repairPass(queues: queues, longNames: longNames) { return }
    }

    /// - Returns: true when a name was changed.
    private mutating func repairPass(queues: [String], longNames: Bool) throws(SystemError) -> Bool {
        var changed = false
        for queue in queues where queue != "corrupt" {
            CommandTrace.tell("queue: \(queue): names")
            let scan = directory.scan(queue)
            defer { scan.close() }
            while let (name, path) = try scan.nextEntry() {
                guard let id = QueueID(name), let status = try? directory.store.status(path), status.isRegularFile
                else { continue }
                if !Self.isLogQueue(queue), status.isReadyQueueFile,
                    let better = QueueNames.repaired(
                        id, inode: status.inode, longIDs: directory.longIDs, checkLong: longNames)
                {
                    try rename(queue, path, id, to: better)
                    changed = true
                } else if path != directory.path(queue: queue, id: id) {
                    try directory.rename(path, to: directory.path(queue: queue, id: id))
                }
            }
        }
        return changed
    }

    private mutating func rename(
        _ queue: String, _ path: String, _ id: QueueID, to better: QueueID
    ) throws(SystemError) {
        var target = better
        if (try? directory.status(queue: queue, id: better)) != nil {
            // Taken by a file that must move itself: step aside until the next pass.
            guard let aside = QueueID(better.text + "_FIX") else { return }
            target = aside
        } else {
            counts.renamed += 1
        }
        try directory.rename(path, to: directory.path(queue: queue, id: target))
        for log in QueueDirectory.logQueues {
            let old = directory.path(queue: log, id: id)
            if (try? directory.store.status(old)) != nil {
                try directory.rename(old, to: directory.path(queue: log, id: target))
            }
        }
    }
}

/// Which name a queue file should have. Pure.
enum QueueNames {
    /// - Returns: nil when the name is right.
    static func repaired(_ id: QueueID, inode: UInt64, longIDs: Bool, checkLong: Bool) -> QueueID? {
        if id.isLong {
            if longIDs { return checkLong && id.inode != inode ? id.replacing(inode: inode) : nil }
            return id.short(inode: inode)
        }
        return id.inode == inode ? nil : id.replacing(inode: inode)
    }
}
