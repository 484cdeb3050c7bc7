import Glibc
import MailSystem

/// Reads the records of a queue file, from memory windows of a fixed size: a message of any length costs the same.
/// Calls block.
public final class QueueFileReader: @unchecked Sendable {
    // Unchecked: one reader, used from one task at a time; the hops to the blocking pool are ordered by await.
    /// What to do with the records that are not data.
    public struct Options: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        /// Continue at the target of a `p` record, and do not return it.
        public static let followPointers = Options(rawValue: 1)
        /// Do not return `w` records.
        public static let skipPadding = Options(rawValue: 2)
        /// Nothing follows `E`.
        public static let stopAtEnd = Options(rawValue: 4)
        public static let standard: Options = [.followPointers, .skipPadding, .stopAtEnd]
    }

    /// A payload above this is corrupt: no parameter lets Postfix write one.
    public static let maximumPayload = 16 << 20
    /// Jumps back before a file is taken for a loop.
    public static let maximumBackwardJumps = 10_000

    public let file: any StoredFile
    public let size: Int
    public var options: Options
    /// Offset of the next record.
    public private(set) var position: Int
    private var ended = false
    private var backwardJumps = 0
    private let windowSize: Int
    private var window: [UInt8] = []
    private var windowOffset = 0

    /// - Parameter size: size of the file in bytes.
    public init(
        file: any StoredFile, size: Int, at position: Int = 0, options: Options = .standard, windowSize: Int = 32 << 10
    ) {
        self.file = file
        self.size = size
        self.position = position
        self.options = options
        self.windowSize = max(RecordCodec.maximumHeaderSize, windowSize)
    }

    public convenience init(file: any StoredFile, options: Options = .standard) throws(SystemError) {
        self.init(file: file, size: try file.status().size, options: options)
    }

    public static func open(
        _ directory: QueueDirectory, queue: String, id: QueueID, writing: Bool = false
    ) throws(SystemError) -> QueueFileReader {
        let file = try directory.open(queue: queue, id: id, writing: writing)
        do {
            return try QueueFileReader(file: file)
        } catch {
            file.close()
            throw error
        }
    }

    public func close() { file.close() }

    /// Goes on at another offset.
    public func seek(to offset: Int) {
        position = offset
        ended = false
    }

    /// The next record; nil at the end of the file, or after `E` with `stopAtEnd`.
    public func next() throws(QueueFileError) -> QueueRecord? {
        while !ended {
            guard let record = try nextRaw() else { return nil }
            if record.type == .pointer, options.contains(.followPointers) {
                try follow(record)
                continue
            }
            if record.type == .padding, options.contains(.skipPadding) { continue }
            if record.type == .end, options.contains(.stopAtEnd) { ended = true }
            return record
        }
        return nil
    }

    /// Continues at the target of a pointer record.
    public func follow(_ record: QueueRecord) throws(QueueFileError) {
        guard let target = record.pointerTarget, target >= 0 else {
            throw .corrupt(reason: "malformed pointer record value: \(record.text)", offset: record.offset)
        }
        guard target != 0 else { return }
        guard target <= size else { throw .corrupt(reason: "pointer record beyond the file", offset: record.offset) }
        if target <= record.offset {
            backwardJumps += 1
            guard backwardJumps <= Self.maximumBackwardJumps else {
                throw .corrupt(reason: "too many backward jumps", offset: record.offset)
            }
        }
        position = target
    }

    private func nextRaw() throws(QueueFileError) -> QueueRecord? {
        let start = position
        guard start >= 0, start < size else { return nil }
        try fill(start, count: min(RecordCodec.maximumHeaderSize, size - start))
        let head = start - windowOffset
        let result = window.withUnsafeBytes { bytes in
            RecordCodec.header(UnsafeRawBufferPointer(rebasing: bytes[head..<min(head + 5, bytes.count)]))
        }
        guard case .header(let header) = result else {
            throw .corrupt(
                reason: result == .incomplete ? "unexpected end of file" : "bad record length", offset: start)
        }
        guard header.length <= Self.maximumPayload, header.length <= size - start - header.size else {
            throw .corrupt(
                reason: "unexpected EOF in data, record type \(header.type.rawValue) length \(header.length)",
                offset: start)
        }
        let total = header.size + header.length
        try fill(start, count: total)
        let first = start - windowOffset + header.size
        position = start + total
        return QueueRecord(
            type: header.type, payload: window[first..<(first + header.length)], offset: start, nextOffset: position)
    }

    /// Makes `window` hold the bytes from `offset`, `count` of them.
    private func fill(_ offset: Int, count: Int) throws(QueueFileError) {
        if offset >= windowOffset, offset + count <= windowOffset + window.count { return }
        do {
            window = try file.read(at: offset, count: max(count, min(windowSize, size - offset)))
        } catch {
            throw .system(error)
        }
        windowOffset = offset
        guard window.count >= count else { throw .corrupt(reason: "unexpected end of file", offset: offset) }
    }
}

extension QueueFileReader {
    /// Marks a recipient as finished: one byte over the `R` at `offset`.
    public static func markDone(_ file: any StoredFile, at offset: Int) throws(QueueFileError) {
        do {
            let old = try file.read(at: offset, count: 1)
            guard old.first == RecordType.recipient.rawValue || old.first == RecordType.done.rawValue else {
                throw QueueFileError.corrupt(reason: "no recipient record", offset: offset)
            }
            try file.write([RecordType.done.rawValue], at: offset)
        } catch let error as QueueFileError {
            throw error
        } catch let error as SystemError {
            throw .system(error)
        } catch {
            throw .corrupt(reason: "\(error)", offset: offset)
        }
    }

    public func markDone(at offset: Int) throws(QueueFileError) { try Self.markDone(file, at: offset) }

    /// Records that the delay warning was sent: rewrites the `W` record at `offset` with -1.
    public func markWarned(at offset: Int) throws(QueueFileError) {
        do {
            try file.write(RecordCodec.encode(.warning, RecordCodec.column15(-1).utf8), at: offset)
        } catch {
            throw .system(error)
        }
    }

    /// Records that the trace was served: the attribute record at `offset` becomes dead.
    public func markTraced(at offset: Int) throws(QueueFileError) {
        do {
            try file.write([RecordType.killed.rawValue], at: offset)
        } catch {
            throw .system(error)
        }
    }

    /// Marks the file as damaged, so that the queue manager moves it to `corrupt/`.
    public func markCorrupt() throws(SystemError) { try file.setPermissions(QueueFileMode.corrupt) }
}
