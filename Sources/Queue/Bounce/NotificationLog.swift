import Spool

/// The entries that a notification reports. It is read more than once, so that a log of any length needs no memory.
public protocol NotificationLog {
    /// From the first entry on.
    func makeCursor() throws -> any NotificationLogCursor
}

/// Gives the entries of a log one after the other.
public protocol NotificationLogCursor: AnyObject {
    /// Nil at the end.
    func next() throws -> RecipientLogEntry?
    func close()
}

extension NotificationLog {
    public func forEach(_ body: (RecipientLogEntry) throws -> Void) throws {
        let cursor = try makeCursor()
        defer { cursor.close() }
        while let entry = try cursor.next() { try body(entry) }
    }
}

/// Entries that are in memory.
private final class EntryCursor: NotificationLogCursor {
    private var entries: ArraySlice<RecipientLogEntry>

    init(_ entries: [RecipientLogEntry]) { self.entries = entries[...] }

    func next() -> RecipientLogEntry? { entries.popFirst() }

    func close() { entries = [] }
}

extension [RecipientLogEntry]: NotificationLog {
    public func makeCursor() -> any NotificationLogCursor { EntryCursor(self) }
}

extension BounceLogReader: NotificationLogCursor {}

/// A bounce, defer or trace log on disk.
public struct StoredNotificationLog: NotificationLog, Sendable {
    private let directory: QueueDirectory
    private let queue: String
    private let id: QueueID

    public init(_ directory: QueueDirectory, queue: String, id: QueueID) {
        self.directory = directory
        self.queue = queue
        self.id = id
    }

    /// Up to `count` entries after the first `start` ones.
    func batch(from start: Int, count: Int) throws -> [RecipientLogEntry] {
        guard let reader = try BounceLog.open(directory, queue: queue, id: id) else { return [] }
        defer { reader.close() }
        for _ in 0..<start where try reader.next() == nil { return [] }
        var entries: [RecipientLogEntry] = []
        while entries.count < count, let entry = try reader.next() { entries.append(entry) }
        return entries
    }

    /// A missing log has no entries.
    public func makeCursor() throws -> any NotificationLogCursor {
        guard let reader = try BounceLog.open(directory, queue: queue, id: id) else { return EntryCursor([]) }
        return reader
    }
}
