import Glibc
import MailSystem

/// Writes one new queue file. Records collect in memory until `flush` or `commit`, so that a small message costs one
/// write. Until `commit` the file's mode says that it is not mail, and a lock that somebody writes it; `abort`, or losing
/// the writer, removes it.
/// `append…` and `createFromStock` never block; `create`, `flush`, `commit`, `abort` do.
public final class QueueFileWriter: @unchecked Sendable {
    // Unchecked: one message, used from one task at a time; the hops to the blocking pool are ordered by await.
    public let id: QueueID
    public private(set) var queue: String
    /// Relative to the queue directory.
    public private(set) var path: String
    private let directory: QueueDirectory
    private let file: any StoredFile
    /// Where a spare file is until something is written to it; nil once it stands at `path`.
    private var sparePath: String?
    private var buffer: [UInt8] = []
    /// File offset of the first byte of `buffer`.
    private var flushed = 0
    private var finished = false

    private init(
        directory: QueueDirectory, queue: String, id: QueueID, path: String, file: any StoredFile,
        sparePath: String? = nil
    ) {
        self.directory = directory
        self.queue = queue
        self.id = id
        self.path = path
        self.file = file
        self.sparePath = sparePath
    }

    deinit { if !finished { discard() } }

    /// Creates the file under a temporary name and renames it to its queue id at once, or takes a spare one, which gets its
    /// name with the first write.
    /// - Parameter time: goes into the queue id.
    public static func create(
        in directory: QueueDirectory, queue: String = "incoming", time: MailTime,
        permissions: UInt32 = QueueFileMode.writing
    ) throws(SystemError) -> QueueFileWriter {
        if permissions == QueueFileMode.writing, let spare = directory.spares?.take() {
            return writer(directory, queue, time, spare)
        }
        var stamp = time
        var attempts = 0
        while true {
            let temporary = "\(queue)/\(stamp.microseconds).\(directory.processID)"
            let file: any StoredFile
            do {
                file = try directory.store.create(temporary, permissions: permissions)
            } catch {
                attempts += 1
                guard error.errno == EEXIST, attempts < 1000 else { throw error }
                stamp.microseconds = (stamp.microseconds + 1) % 1_000_000
                continue
            }
            do throws(SystemError) {
                // Held until the end: who finds an unfinished file without a lock may remove it.
                _ = try file.tryLock(exclusive: true)
                let status = try file.status()
                guard status.links > 0 else { throw SystemError("create", path: temporary, errno: ENOENT) }
                let id = QueueID(time: stamp, inode: status.inode, long: directory.longIDs)
                let path = directory.path(queue: queue, id: id)
                try directory.rename(temporary, to: path)
                return QueueFileWriter(directory: directory, queue: queue, id: id, path: path, file: file)
            } catch {
                file.close()
                try? directory.store.remove(temporary)
                throw error
            }
        }
    }

    /// A writer whose file is taken from the stock of spares; nil when the stock is empty. Does not block.
    public static func createFromStock(
        in directory: QueueDirectory, queue: String = "incoming", time: MailTime
    ) -> QueueFileWriter? {
        directory.spares?.takeFromStock().map { writer(directory, queue, time, $0) }
    }

    private static func writer(
        _ directory: QueueDirectory, _ queue: String, _ time: MailTime, _ spare: SpareFiles.Spare
    ) -> QueueFileWriter {
        let id = QueueID(time: time, inode: spare.inode, long: directory.longIDs)
        return QueueFileWriter(
            directory: directory, queue: queue, id: id, path: directory.path(queue: queue, id: id), file: spare.file,
            sparePath: spare.path)
    }

    /// Gives a spare file its name, before anything is in it.
    private func place() throws(SystemError) {
        guard let old = sparePath else { return }
        try directory.rename(old, to: path)
        sparePath = nil
    }

    /// File offset of the record that is appended next.
    public var offset: Int { flushed + buffer.count }

    /// Bytes that wait for `flush`.
    public var bufferedBytes: Int { buffer.count }

    /// Appends a record. Returns its file offset.
    @discardableResult
    public func append(_ type: RecordType, _ payload: some Collection<UInt8>) -> Int {
        let start = offset
        RecordCodec.append(type, payload, to: &buffer)
        return start
    }

    @discardableResult
    public func append(_ type: RecordType, _ text: String = "") -> Int {
        let start = offset
        RecordCodec.append(type, text, to: &buffer)
        return start
    }

    @discardableResult
    public func append(_ type: RecordType, _ payload: UnsafeRawBufferPointer) -> Int {
        let start = offset
        RecordCodec.append(type, payload, to: &buffer)
        return start
    }

    @discardableResult
    public func append(attribute name: String, _ value: String) -> Int { append(.attribute, "\(name)=\(value)") }

    /// A pointer record; 0 is a place holder without effect.
    @discardableResult
    public func append(pointer target: Int) -> Int { append(.pointer, RecordCodec.column15(target)) }

    /// Appends text lines separated by LF as `N` records, lines of `limit` bytes and more as `L…N`. Text after the last LF is
    /// left over: its length is returned, and the caller passes it again with what follows.
    public func append(lines bytes: UnsafeRawBufferPointer, limit: Int) -> Int {
        let limit = max(1, limit)
        var start = 0
        // Out of the property: each access to it would be checked for others, a few times a line.
        var output: [UInt8] = []
        swap(&output, &buffer)
        defer { swap(&output, &buffer) }
        output.reserveCapacity(output.count + bytes.count + bytes.count / 32)
        while start < bytes.count, let base = bytes.baseAddress {
            guard let found = memchr(base + start, 0x0a, bytes.count - start) else { break }
            let end = UnsafeRawPointer(found) - base
            while end - start >= limit {
                RecordCodec.append(
                    .continued, UnsafeRawBufferPointer(rebasing: bytes[start..<(start + limit)]), to: &output)
                start += limit
            }
            RecordCodec.append(.line, UnsafeRawBufferPointer(rebasing: bytes[start..<end]), to: &output)
            start = end + 1
        }
        return bytes.count - start
    }

    /// Overwrites bytes that were written before: pointer flipping and type changes of the record editor.
    public func overwrite(_ bytes: [UInt8], at position: Int) throws(SystemError) {
        if position >= flushed, position + bytes.count <= offset {
            buffer.replaceSubrange((position - flushed)..<(position - flushed + bytes.count), with: bytes)
        } else {
            try flush()
            try file.write(bytes, at: position)
        }
    }

    /// Writes what has collected.
    public func flush() throws(SystemError) {
        guard !buffer.isEmpty else { return }
        try place()
        try file.write(buffer, at: flushed)
        flushed += buffer.count
        buffer.removeAll(keepingCapacity: flushed < 1 << 20)
    }

    /// What was written so far, for editing before commit.
    public func reader() throws(SystemError) -> QueueFileReader {
        try flush()
        return QueueFileReader(file: file, size: flushed)
    }

    /// Moves the file to another queue before it is committed, such as `hold`.
    public func relocate(to queue: String) throws(SystemError) {
        let target = directory.path(queue: queue, id: id)
        if sparePath == nil { try directory.rename(path, to: target) }
        self.queue = queue
        path = target
    }

    /// Makes the message durable and visible: rewrites the size record in place, sets the mode, synchronises.
    /// On an error the file is removed. The first record must be a `C` (or pass nil: maildrop files have none).
    public func commit(size: SizeRecord?, permissions: UInt32 = QueueFileMode.ready) throws(SystemError) {
        do {
            if let size { try overwrite(RecordCodec.encode(.size, size.payload.utf8), at: 0) }
            try place()
            try flush()
            try file.setPermissions(permissions)
            try file.synchronize()
        } catch {
            discard()
            throw error
        }
        finished = true
        file.close()
    }

    /// Leaves nothing on disk.
    public func abort() {
        if !finished { discard() }
    }

    private func discard() {
        finished = true
        // A spare to which nothing was written stays one.
        if sparePath == nil, (try? directory.store.remove(path)) == nil {
            // What was refused must not be taken for mail later.
            try? file.setPermissions(QueueFileMode.writing)
            try? file.truncate(to: 0)
        }
        file.close()
        buffer = []
    }
}
