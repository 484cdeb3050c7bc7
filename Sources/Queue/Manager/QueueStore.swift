import Glibc
import InternalProtocol
import MailSystem
import Spool

/// The queue manager's steps on disk. Every call blocks: they run on the blocking pool, several in one go.
struct QueueStore: Sendable {
    let directory: QueueDirectory
    /// backwards_bounce_logfile_compatibility.
    var backwardsCompatibleLogs = true

    enum OpenResult: Sendable {
        case opened(OpenedMessage)
        /// Gone, or not complete: somebody else's business.
        case notThere
        /// Its time has not come.
        case early
        /// A delivery agent still works on it.
        case locked
        /// Damaged; it stands in `corrupt` now.
        case corrupt(reason: String)
        case failed(SystemError)
    }

    // MARK: entering the active queue

    /// Reads a message and moves it into the active queue.
    func open(_ name: Intake.QueueEntryName, now: MailTime, recipientLimit: Int) -> OpenResult {
        guard let id = QueueID(name.id) else { return .notThere }
        let queue = name.source == .incoming ? "incoming" : "deferred"
        do {
            return try open(id, queue: queue, name: name, now: now, recipientLimit: recipientLimit)
        } catch {
            if case .system(let error) = error {
                return error.errno == ENOENT || error.errno == EACCES ? .notThere : .failed(error)
            }
            do {
                try directory.quarantine(queue: queue, id: id)
            } catch {
                return error.errno == ENOENT ? .notThere : .failed(error)
            }
            return .corrupt(reason: error.description)
        }
    }

    private func open(
        _ id: QueueID, queue: String, name: Intake.QueueEntryName, now: MailTime, recipientLimit: Int
    ) throws(QueueFileError) -> OpenResult {
        let file = try system { () throws(SystemError) in try directory.open(queue: queue, id: id) }
        defer { file.close() }
        let status = try system { () throws(SystemError) in try file.status() }
        if status.isMarkedCorrupt { throw .corrupt(reason: "marked as damaged", offset: 0) }
        guard status.isReadyQueueFile else { return .notThere }
        guard name.isFlush || status.modified.seconds <= now.seconds + 1 else { return .early }
        guard try system({ () throws(SystemError) in try file.tryLock(exclusive: true) }) else { return .locked }
        let reader = QueueFileReader(file: file, size: status.size)
        let message = try reader.envelope()
        var batch: [QueuedRecipient] = []
        var next = message.recipients
        if let cursor = next {
            (batch, next) = try reader.recipients(of: message, from: cursor, limit: recipientLimit)
        }
        let requests = MessageRequests(
            isFlush: name.isFlush, unthrottle: status.asksForUnthrottle, expire: status.asksForExpiry,
            mayHaveLogs: !name.isAnnounced || !isFresh(message, batch))
        try system { () throws(SystemError) in
            if status.asksForUnthrottle { try file.setPermissions(status.permissions & ~QueueFileMode.unthrottle) }
            try directory.move(id, from: queue, to: "active")
        }
        // The log tells of the latest attempt only. An older entry does no harm; a message that is half on its way does.
        if !name.isAnnounced { try? BounceLog.remove(directory, queue: "defer", id: id) }
        return .opened(OpenedMessage(id: id, message: message, requests: requests, recipients: batch, next: next))
    }

    /// No recipient was finished before, and cleanup had nothing to report: such a message has no logs.
    private func isFresh(_ message: QueuedMessage, _ batch: [QueuedRecipient]) -> Bool {
        message.size.recipientCount == batch.count && message.traceFlags == 0 && message.size.queueFlags.notify & 2 == 0
    }

    private func system<T>(_ body: () throws(SystemError) -> T) throws(QueueFileError) -> T {
        do {
            return try body()
        } catch {
            throw .system(error)
        }
    }

    /// More recipients of a message of the active queue.
    func recipients(
        of message: QueuedMessage, id: QueueID, from cursor: RecipientCursor, limit: Int
    ) throws(QueueFileError) -> (batch: [QueuedRecipient], next: RecipientCursor?) {
        let reader = try systemReader(id)
        defer { reader.close() }
        return try reader.recipients(of: message, from: cursor, limit: limit)
    }

    private func systemReader(_ id: QueueID, writing: Bool = false) throws(QueueFileError) -> QueueFileReader {
        do {
            return try QueueFileReader.open(directory, queue: "active", id: id, writing: writing)
        } catch {
            throw .system(error)
        }
    }

    // MARK: logs and marks

    func append(_ entries: [RecipientLogEntry], to log: String, id: QueueID) throws(SystemError) {
        try BounceLog.append(
            directory, queue: log, id: id, entries, backwardsCompatible: backwardsCompatibleLogs)
    }

    /// Marks recipients as finished.
    func markDone(_ offsets: [Int], id: QueueID) throws(QueueFileError) {
        let reader = try systemReader(id, writing: true)
        defer { reader.close() }
        for offset in offsets { try reader.markDone(at: offset) }
    }

    /// Which of these recipients are not marked as finished.
    func unfinished(_ offsets: [Int], id: QueueID) throws -> Set<Int> {
        let file = try directory.open(queue: "active", id: id)
        defer { file.close() }
        return Set(
            try offsets.filter { try file.read(at: $0, count: 1).first == RecordType.recipient.rawValue })
    }

    func markWarned(id: QueueID, at offset: Int) throws(QueueFileError) {
        let reader = try systemReader(id, writing: true)
        defer { reader.close() }
        try reader.markWarned(at: offset)
    }

    func markTraced(id: QueueID, at offset: Int) throws(QueueFileError) {
        let reader = try systemReader(id, writing: true)
        defer { reader.close() }
        try reader.markTraced(at: offset)
    }

    func hasLog(_ log: String, id: QueueID) -> Bool { (try? directory.status(queue: log, id: id)) != nil }

    // MARK: leaving the active queue

    /// Removes a finished message with its logs. The message goes last: what remains after a crash is tried again.
    func remove(id: QueueID, logs: [String]) throws(SystemError) {
        for log in logs { try BounceLog.remove(directory, queue: log, id: id) }
        do {
            try directory.finish(queue: "active", id: id)
        } catch {
            guard error.errno == ENOENT else { throw error }
        }
    }

    /// Puts a message off until `time`.
    func deferMessage(id: QueueID, until time: MailTime) throws(SystemError) {
        try directory.schedule(queue: "active", id: id, at: time)
        try directory.move(id, from: "active", to: "deferred")
    }

    /// Gives a message of the active queue back, untouched.
    func release(id: QueueID) {
        try? giveBack(id)
    }

    /// The next attempt may take the message for one that was never tried: no log of this one may stay behind.
    private func giveBack(_ id: QueueID) throws(SystemError) {
        try BounceLog.remove(directory, queue: "defer", id: id)
        try directory.move(id, from: "active", to: "incoming")
    }

    /// A lock that keeps other processes from taking the message up; ends when the file is closed.
    func holdLock(id: QueueID) -> (any StoredFile)? {
        guard let file = try? directory.open(queue: "active", id: id) else { return nil }
        if (try? file.tryLock(exclusive: false)) == true { return file }
        file.close()
        return nil
    }

    /// After a start: what an earlier process left in the active queue goes back to incoming. Files that delivery
    /// agents still hold stay; the answer is how many.
    func recoverActive(except known: Set<String>) throws(SystemError) -> (moved: Int, held: [QueueID]) {
        let scan = directory.scan("active")
        defer { scan.close() }
        var moved = 0
        var held: [QueueID] = []
        while let id = try scan.next() {
            if known.contains(id.text) { continue }
            switch recover(id) {
            case .held: held.append(id)
            case .moved: moved += 1
            case .gone: continue
            }
        }
        return (moved, held)
    }

    private enum Recovery { case held, moved, gone }

    /// Whatever fails now is tried again later, like a file that is locked.
    private func recover(_ id: QueueID) -> Recovery {
        do throws(SystemError) {
            let file = try directory.open(queue: "active", id: id)
            defer { file.close() }
            guard try file.tryLock(exclusive: true) else { return .held }
            try giveBack(id)
            return .moved
        } catch {
            return error.errno == ENOENT ? .gone : .held
        }
    }

    /// Another look at files that were locked. `released` are no longer in the active queue.
    func recover(_ ids: [QueueID]) -> (released: [QueueID], held: [QueueID]) {
        var (released, held): ([QueueID], [QueueID]) = ([], [])
        for id in ids {
            switch recover(id) {
            case .moved, .gone: released.append(id)
            case .held: held.append(id)
            }
        }
        return (released, held)
    }

    // MARK: scanning

    /// The next files of a queue whose time has come: looks at no more than `count` names.
    func scan(
        _ scan: QueueScan, ignoreTimes: Bool, now: MailTime, count: Int
    ) throws(SystemError) -> (names: [String], atEnd: Bool) {
        var names: [String] = []
        for _ in 0..<count {
            guard let entry = try scan.nextEntry() else {
                scan.close()
                return (names, true)
            }
            guard let status = try? directory.store.status(entry.path), status.isRegularFile else { continue }
            guard ignoreTimes || status.modified.seconds <= now.seconds + 1 else { continue }
            names.append(entry.name)
        }
        return (names, false)
    }
}
