import Glibc
import Spool

/// Writes content lines as records in one pass over the bytes. Holds at most the start of one line.
struct BodyWriter {
    private let writer: QueueFileWriter
    private let limit: Int
    private let replacesStrayCR: Bool
    /// Text after the last LF, shorter than `limit`.
    private var tail: [UInt8] = []

    init(_ writer: QueueFileWriter, limit: Int, replacesStrayCR: Bool) {
        self.writer = writer
        self.limit = limit
        self.replacesStrayCR = replacesStrayCR
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        if replacesStrayCR, memchr(base, 0x0D, bytes.count) != nil {
            // Rare: the line ends were LF already, what is left is stray.
            let cleaned = bytes.map { $0 == 0x0D ? 0x20 : $0 }
            cleaned.withUnsafeBytes { take($0) }
        } else {
            take(bytes)
        }
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        if !tail.isEmpty {
            let end = rest.firstIndex(of: 0x0A) ?? rest.count
            tail += rest[..<end]
            splitTail()
            guard end < rest.count else { return }
            writer.append(.line, tail)
            tail.removeAll(keepingCapacity: true)
            rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...])
        }
        let left = writer.append(lines: rest, limit: limit)
        if left > 0 {
            tail += rest[(rest.count - left)...]
            splitTail()
        }
    }

    private mutating func splitTail() {
        var start = 0
        while tail.count - start >= limit {
            writer.append(.continued, tail[start..<(start + limit)])
            start += limit
        }
        if start > 0 { tail.removeSubrange(..<start) }
    }

    /// A last line without LF is a line.
    mutating func finish() {
        guard !tail.isEmpty else { return }
        writer.append(.line, tail)
        tail = []
    }
}
