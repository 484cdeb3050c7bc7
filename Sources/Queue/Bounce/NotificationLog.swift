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

    /// A missing log has no entries.
    public func forEach(_ body: (RecipientLogEntry) throws -> Void) throws {
        guard let reader = try BounceLog.open(directory, queue: queue, id: id) else { return }
        defer { reader.close() }
        while let entry = try reader.next() { try body(entry) }
    }
}
