import Spool

/// The entries that a notification reports. It is read twice, so that a log of any length needs no memory.
public protocol NotificationLog {
    func forEach(_ body: (RecipientLogEntry) throws -> Void) throws
}

extension [RecipientLogEntry]: NotificationLog {}

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
    public func forEach(_ body: (RecipientLogEntry) throws -> Void) throws {
        guard let reader = try BounceLog.open(directory, queue: queue, id: id) else { return }
        defer { reader.close() }
        while let entry = try reader.next() { try body(entry) }
    }
}
