import Glibc
import MailSystem

/// Buffered reading of a descriptor, by records or by lines. Blocks.
public struct ByteSource {
    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var start = 0
    private var ended = false

    public init(_ descriptor: CInt) { self.descriptor = descriptor }

    private var available: Int { buffer.count - start }

    /// Reads until `count` bytes are there; false when the input ends before.
    private mutating func fill(_ count: Int) throws(SystemError) -> Bool {
        while available < count {
            if ended { return false }
            if start > 0 {
                buffer.removeFirst(start)
                start = 0
            }
            let more = try Descriptors.read(descriptor, count: max(64 << 10, count - available))
            if more.isEmpty { ended = true }
            buffer += more
        }
        return true
    }

    /// Waits for a byte or the end of the input.
    public mutating func isAtEnd() throws(SystemError) -> Bool { try !fill(1) }

    public mutating func byte() throws(SystemError) -> UInt8? {
        guard try fill(1) else { return nil }
        defer { start += 1 }
        return buffer[start]
    }

    /// Exactly `count` bytes, or nil when the input ends before.
    public mutating func bytes(_ count: Int) throws(SystemError) -> [UInt8]? {
        guard try fill(count) else { return nil }
        defer { start += count }
        return Array(buffer[start..<(start + count)])
    }

    /// Bytes up to `delimiter`, which is dropped; what is left at the end; nil after that. A longer piece than `limit`
    /// comes in parts: `complete` tells whether the delimiter was there.
    public mutating func piece(
        until delimiter: UInt8, limit: Int
    ) throws(SystemError) -> (bytes: [UInt8], complete: Bool)? {
        while true {
            let window = buffer[start...].prefix(limit)
            if let end = window.firstIndex(of: delimiter) {
                defer { start = end + 1 }
                return (Array(buffer[start..<end]), true)
            }
            if available >= limit {
                defer { start += limit }
                return (Array(buffer[start..<(start + limit)]), false)
            }
            guard try fill(available + 1) else {
                guard available > 0 else { return nil }
                defer { start = buffer.count }
                return (Array(buffer[start...]), false)
            }
        }
    }
}

/// Buffered text to a descriptor.
public final class ByteSink {
    private let descriptor: CInt
    private var buffer: [UInt8] = []

    public init(_ descriptor: CInt = STDOUT_FILENO) { self.descriptor = descriptor }

    public func write(_ text: String) throws(SystemError) { try write(Array(text.utf8)) }

    public func write(_ bytes: [UInt8]) throws(SystemError) {
        buffer += bytes
        if buffer.count > 64 << 10 { try flush() }
    }

    public func flush() throws(SystemError) {
        defer { buffer = [] }
        try Descriptors.writeAll(buffer, to: descriptor)
    }
}
