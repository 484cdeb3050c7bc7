import Glibc
import MailSystem

/// One entry of a bounce, defer or trace log: what became of one recipient (queuefile.md §10).
public struct RecipientLogEntry: Sendable, Equatable {
    /// Internal form.
    public var recipient: String
    /// Before rewriting; empty when the same or not recorded.
    public var originalRecipient: String
    /// Offset of the recipient record in the queue file; 0 when not known.
    public var offset: Int
    /// `type;address`, or empty.
    public var dsnOriginalRecipient: String
    public var dsnNotify: Int
    /// RFC 3463, `5.1.1`.
    public var status: String
    /// `failed`, `delayed`, `delivered`, `relayed`, `expanded`, `deliverable`, `undeliverable`.
    public var action: String
    /// Type and text, both or none.
    public var diagnosticType: String
    public var diagnosticText: String
    public var mtaType: String
    public var mtaName: String
    public var reason: String

    public init(
        recipient: String, originalRecipient: String = "", offset: Int = 0, dsnOriginalRecipient: String = "",
        dsnNotify: Int = 0, status: String, action: String, diagnosticType: String = "", diagnosticText: String = "",
        mtaType: String = "", mtaName: String = "", reason: String
    ) {
        self.recipient = recipient
        self.originalRecipient = originalRecipient
        self.offset = offset
        self.dsnOriginalRecipient = dsnOriginalRecipient
        self.dsnNotify = dsnNotify
        self.status = status
        self.action = action
        self.diagnosticType = diagnosticType
        self.diagnosticText = diagnosticText
        self.mtaType = mtaType
        self.mtaName = mtaName
        self.reason = reason
    }
}

/// The logs in `bounce/`, `defer/` and `trace/`: what happened to the recipients of a message. Calls block.
public enum BounceLog {
    /// Appends an entry and makes it durable. When that fails, the log is as it was before.
    /// - Parameter queue: `bounce`, `defer` or `trace`.
    public static func append(
        _ directory: QueueDirectory, queue: String, id: QueueID, _ entry: RecipientLogEntry,
        backwardsCompatible: Bool = true
    ) throws(SystemError) {
        try append(directory, queue: queue, id: id, [entry], backwardsCompatible: backwardsCompatible)
    }

    /// Appends several entries with one write and one synchronisation.
    public static func append(
        _ directory: QueueDirectory, queue: String, id: QueueID, _ entries: [RecipientLogEntry],
        backwardsCompatible: Bool = true
    ) throws(SystemError) {
        guard !entries.isEmpty else { return }
        var bytes: [UInt8] = []
        for entry in entries {
            BounceLogCodec.append(entry, backwardsCompatible: backwardsCompatible, to: &bytes)
        }
        let path = directory.path(queue: queue, id: id)
        // Recipients of one message finish at the same time: wait for each other here, and for other processes below.
        try LogLocks.shared.withLock(path) { () throws(SystemError) in
            try append(bytes, directory, path)
        }
    }

    private static func append(_ bytes: [UInt8], _ directory: QueueDirectory, _ path: String) throws(SystemError) {
        let file = try openForAppending(directory, path)
        defer { file.close() }
        try lock(file, path)
        let size = try file.status().size
        do {
            try file.write(bytes, at: size)
            try file.synchronize()
        } catch {
            try? file.truncate(to: size)
            throw error
        }
    }

    /// Waits up to twenty seconds, as Postfix does by default (deliver_lock_attempts, deliver_lock_delay).
    private static func lock(_ file: any StoredFile, _ path: String) throws(SystemError) {
        for _ in 0..<1000 {
            if try file.tryLock(exclusive: true) { return }
            usleep(20_000)
        }
        throw SystemError("lock", path: path, errno: EAGAIN)
    }

    private static func openForAppending(_ directory: QueueDirectory, _ path: String) throws(SystemError)
        -> any StoredFile
    {
        do {
            return try directory.store.openForAppending(path, permissions: QueueFileMode.writing)
        } catch {
            guard error.errno == ENOENT else { throw error }
            try directory.makeParents(of: path)
            return try directory.store.openForAppending(path, permissions: QueueFileMode.writing)
        }
    }

    /// Reads the entries one after the other; nil when there is no log.
    public static func open(
        _ directory: QueueDirectory, queue: String, id: QueueID
    ) throws(SystemError) -> BounceLogReader? {
        do {
            let file = try directory.open(queue: queue, id: id)
            return BounceLogReader(file: file, isDeferLog: queue == "defer")
        } catch {
            guard error.errno == ENOENT else { throw error }
            return nil
        }
    }

    /// All entries; for logs that are known to be short.
    public static func read(
        _ directory: QueueDirectory, queue: String, id: QueueID
    ) throws(SystemError) -> [RecipientLogEntry] {
        guard let reader = try open(directory, queue: queue, id: id) else { return [] }
        defer { reader.close() }
        var entries: [RecipientLogEntry] = []
        while let entry = try reader.next() { entries.append(entry) }
        return entries
    }

    /// Removes the log; none is no error.
    public static func remove(_ directory: QueueDirectory, queue: String, id: QueueID) throws(SystemError) {
        do {
            try directory.remove(queue: queue, id: id)
        } catch {
            guard error.errno != ENOENT else { return }
            // An empty log tells nobody a second time.
            guard let file = try? directory.open(queue: queue, id: id, writing: true) else { throw error }
            defer { file.close() }
            try? file.truncate(to: 0)
            throw error
        }
    }
}

/// Reads the entries of a log in turn, so that a log of any length costs the same memory.
public final class BounceLogReader: @unchecked Sendable {
    // Unchecked: used from one task at a time.
    private let file: any StoredFile
    private var parser: BounceLogParser
    private var buffer: [UInt8] = []
    private var start = 0
    private var offset = 0
    private var ended = false

    init(file: any StoredFile, isDeferLog: Bool) {
        self.file = file
        parser = BounceLogParser(isDeferLog: isDeferLog)
    }

    /// Names of lines that no version of Postfix writes, for a warning.
    public var unknownNames: [String] { parser.unknownNames }

    public func next() throws(SystemError) -> RecipientLogEntry? {
        while let line = try nextLine() {
            if let entry = parser.take(line) { return entry }
        }
        return parser.finish()
    }

    public func close() { file.close() }

    private func nextLine() throws(SystemError) -> String? {
        while true {
            if let end = buffer[start...].firstIndex(of: 0x0a) {
                let line = String(decoding: buffer[start..<end], as: UTF8.self)
                start = end + 1
                return line
            }
            // A line of a megabyte is not a log line: give out what there is.
            if ended || buffer.count - start > 1 << 20 {
                guard start < buffer.count else { return nil }
                let line = String(decoding: buffer[start...], as: UTF8.self)
                start = buffer.count
                return line
            }
            buffer.removeFirst(start)
            start = 0
            let more = try file.read(at: offset, count: 64 << 10)
            offset += more.count
            ended = more.isEmpty
            buffer += more
        }
    }
}
