import Glibc
import MailSystem

/// The queue directory: where the file of each message and log is, and the atomic steps between the queues.
/// All calls block on the disk.
public struct QueueDirectory: Sendable {
    /// Queues that hold messages, in the order in which a message is looked for.
    public static let messageQueues = ["hold", "incoming", "active", "deferred", "maildrop", "corrupt"]
    /// Logs that belong to a message and are named after it.
    public static let logQueues = ["bounce", "defer", "trace"]

    public let store: any FileStore
    /// Lower-case names of the queues with subdirectories (hash_queue_names).
    public let hashNames: Set<String>
    /// hash_queue_depth.
    public let hashDepth: Int
    /// enable_long_queue_ids.
    public let longIDs: Bool
    /// Part of the names of files that have no queue id yet.
    public let processID: Int32
    /// Files to use again; nil in programs that neither queue nor finish many messages.
    public var spares: SpareFiles?

    /// - Parameter store: rooted at queue_directory, so that paths are relative.
    public init(
        store: any FileStore, hashNames: [String] = ["deferred", "defer"], hashDepth: Int = 1, longIDs: Bool = false,
        processID: Int32 = getpid(), spares: SpareFiles? = nil
    ) {
        self.store = store
        self.hashNames = Set(hashNames.map { $0.lowercased() })
        self.hashDepth = max(0, hashDepth)
        self.longIDs = longIDs
        self.processID = processID
        self.spares = spares
    }

    /// `deferred/A/A1B2C3`, relative to the queue directory.
    public func path(queue: String, id: QueueID) -> String {
        guard hashDepth > 0, hashNames.contains(queue.lowercased()) else { return "\(queue)/\(id.text)" }
        return ([queue] + id.hashDirectories(depth: hashDepth) + [id.text]).joined(separator: "/")
    }

    /// Renames a message or log from one queue to another: one atomic step.
    public func move(_ id: QueueID, from: String, to: String) throws(SystemError) {
        try rename(path(queue: from, id: id), to: path(queue: to, id: id))
    }

    /// Renames, making the subdirectories of `new` when they are missing.
    public func rename(_ old: String, to new: String) throws(SystemError) {
        do {
            try store.rename(old, to: new)
        } catch {
            guard error.errno == ENOENT, (try? store.status(old)) != nil else { throw error }
            try makeParents(of: new)
            try store.rename(old, to: new)
        }
    }

    public func open(queue: String, id: QueueID, writing: Bool = false) throws(SystemError) -> any StoredFile {
        try store.open(path(queue: queue, id: id), writing: writing)
    }

    public func status(queue: String, id: QueueID) throws(SystemError) -> FileStatus {
        try store.status(path(queue: queue, id: id))
    }

    public func remove(queue: String, id: QueueID) throws(SystemError) {
        try store.remove(path(queue: queue, id: id))
    }

    /// Removes a message from the queue for good; its file may be kept for another one.
    public func finish(queue: String, id: QueueID) throws(SystemError) {
        if let spares, spares.keep(path(queue: queue, id: id), id: id) { return }
        try remove(queue: queue, id: id)
    }

    /// The queue that a message is in. Looks twice, because the message may move meanwhile.
    public func locate(_ id: QueueID, in queues: [String] = messageQueues) -> (queue: String, status: FileStatus)? {
        for _ in 0..<2 {
            for queue in queues {
                if let status = try? status(queue: queue, id: id), status.isRegularFile { return (queue, status) }
            }
        }
        return nil
    }

    /// Puts off the next attempt: eligible when the modification time has come.
    public func schedule(queue: String, id: QueueID, at time: MailTime) throws(SystemError) {
        try store.setTimes(path(queue: queue, id: id), time)
    }

    /// Takes a damaged message out of the mail flow: into `corrupt/`.
    public func quarantine(queue: String, id: QueueID) throws(SystemError) {
        try move(id, from: queue, to: "corrupt")
    }

    /// A lazy walk over the names in a queue, subdirectories included.
    public func scan(_ queue: String, allNames: Bool = false) -> QueueScan {
        QueueScan(store: store, root: queue, allNames: allNames)
    }

    /// Makes the directories above `path` that are missing, mode 0700.
    public func makeParents(of path: String) throws(SystemError) {
        let components = path.split(separator: "/")
        guard components.count > 1 else { return }
        var parent = path.hasPrefix("/") ? "/" : ""
        for component in components.dropLast() {
            parent += (parent.isEmpty || parent.hasSuffix("/") ? "" : "/") + component
            if (try? store.status(parent)) != nil { continue }
            do {
                try store.makeDirectory(parent, permissions: 0o700)
            } catch  where error.errno == EEXIST {
                continue
            }
        }
    }
}

/// What the mode of a queue file says (queuefile.md §8).
extension FileStatus {
    /// Complete: a regular file whose owner bits are exactly rwx. Anything else is not yet, or no longer, mail.
    public var isReadyQueueFile: Bool { isRegularFile && mode & 0o700 == 0o700 }
    /// `postqueue -i`: forget that the destination is suspended.
    public var asksForUnthrottle: Bool { mode & 0o040 != 0 }
    /// `postsuper -e`: return the message now.
    public var asksForExpiry: Bool { mode & 0o010 != 0 }
    /// A delivery agent found the file damaged.
    public var isMarkedCorrupt: Bool { isRegularFile && mode & 0o700 == 0o400 }
}

/// Modes of queue files (queuefile.md §8).
public enum QueueFileMode {
    public static let writing: UInt32 = 0o600
    public static let ready: UInt32 = 0o700
    public static let unthrottle: UInt32 = 0o040
    public static let expire: UInt32 = 0o010
    public static let corrupt: UInt32 = 0o400
    public static let maildropWriting: UInt32 = 0o644
    public static let maildropReady: UInt32 = 0o744
}
