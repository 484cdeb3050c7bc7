import Glibc
import MailSystem

/// Streams the content of a queued message in large chunks: one pass over the raw bytes of the file, no record values.
/// Pointer records (header edits and replaced bodies of milters) are followed. Calls block.
public final class ContentReader: @unchecked Sendable {
    // Unchecked: one reader, used from one task at a time; the hops to the blocking pool are ordered by await.
    public enum Format: Sendable, Equatable {
        /// Lines end with LF.
        case text
        /// Lines end with CRLF, a dot at the start of a line is doubled (RFC 5321 §4.5.2), lines above `lineLimit` bytes
        /// are broken by CRLF and a blank (smtp_line_length_limit; 0: not broken). The final `.` is the caller's.
        case smtp(lineLimit: Int)
        /// Lines end with CRLF, nothing else is changed: for BDAT and size.
        case crlf
    }

    private let file: any StoredFile
    private let size: Int
    private let format: Format
    private let windowSize: Int
    private var window: [UInt8] = []
    /// File offset of the next byte in `window`, and its index.
    private var position: Int
    private var index = 0
    /// Payload bytes of the current record that were not yet copied, and whether a line end follows them.
    private var remaining = 0
    private var endsLine = false
    /// Bytes of the current output line.
    private var column = 0
    private var backwardJumps = 0
    private var ended = false

    /// - Parameters:
    ///   - dataOffset: offset of the first content record (`SizeRecord.dataOffset`).
    ///   - size: size of the file.
    public init(file: any StoredFile, size: Int, dataOffset: Int, format: Format, windowSize: Int = 128 << 10) {
        self.file = file
        self.size = size
        self.format = format
        self.windowSize = max(64, windowSize)
        position = dataOffset
    }

    public convenience init(_ reader: QueueFileReader, dataOffset: Int, format: Format) {
        self.init(file: reader.file, size: reader.size, dataOffset: dataOffset, format: format)
    }

    /// Whether the next chunk can be had without waiting for the disk. Takes what the page cache holds. Does not block.
    public func isReady(_ count: Int = 64 << 10) -> Bool {
        guard !ended else { return true }
        let left = max(size - position, 0)
        // Records are hardly shorter than their lines.
        let wanted = min(left, count)
        if window.count - index >= wanted { return true }
        guard let bytes = file.readCached(at: position, count: min(windowSize, left)), bytes.count >= wanted else {
            return false
        }
        window = bytes
        index = 0
        return true
    }

    /// The next bytes of the content, about `count` of them and at least one; nil at its end.
    public func nextChunk(_ count: Int = 64 << 10) throws(QueueFileError) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(min(count, max(size - position, 0)) + 512)
        while output.count < count, !ended {
            if remaining == 0 {
                try nextRecord(&output)
            } else {
                try ensure(1)
                let take = min(remaining, window.count - index)
                copy(take, to: &output)
                remaining -= take
                if remaining == 0, endsLine { finishLine(&output) }
            }
        }
        return output.isEmpty ? nil : output
    }

    /// Reads the header of the next record, and its payload when that is in memory.
    private func nextRecord(_ output: inout [UInt8]) throws(QueueFileError) {
        guard position < size else { throw .corrupt(reason: "unexpected end of file", offset: position) }
        try ensure(min(RecordCodec.maximumHeaderSize, size - position))
        let result = window.withUnsafeBytes { bytes in
            RecordCodec.header(UnsafeRawBufferPointer(rebasing: bytes[index..<min(index + 5, bytes.count)]))
        }
        guard case .header(let header) = result, header.length <= size - position - header.size else {
            throw .corrupt(reason: "bad record length", offset: position)
        }
        switch header.type {
        case .line, .continued:
            advance(header.size)
            endsLine = header.type == .line
            remaining = header.length
            if remaining == 0, endsLine { finishLine(&output) }
        case .pointer:
            try follow(header)
        case .padding:
            seek(to: position + header.size + header.length)
        case .extracted, .end:
            ended = true
        default:
            throw .corrupt(reason: "unexpected record type \(header.type.rawValue)", offset: position)
        }
    }

    private func follow(_ header: RecordCodec.Header) throws(QueueFileError) {
        let start = position
        guard header.length <= 32 else { throw .corrupt(reason: "malformed pointer record", offset: start) }
        try ensure(header.size + header.length)
        let payload = window[(index + header.size)..<(index + header.size + header.length)]
        guard let target = RecordCodec.decimal(payload), target >= 0, target <= size else {
            throw .corrupt(reason: "malformed pointer record", offset: start)
        }
        if target != 0, target <= start {
            backwardJumps += 1
            guard backwardJumps <= QueueFileReader.maximumBackwardJumps else {
                throw .corrupt(reason: "too many backward jumps", offset: start)
            }
        }
        seek(to: target == 0 ? start + header.size + header.length : target)
    }

    private func advance(_ count: Int) {
        index += count
        position += count
    }

    private func seek(to target: Int) {
        let moved = index + (target - position)
        if moved >= 0, moved <= window.count {
            index = moved
        } else {
            window = []
            index = 0
        }
        position = target
    }

    /// Makes `count` bytes from `position` available in the window.
    private func ensure(_ count: Int) throws(QueueFileError) {
        if window.count - index >= count { return }
        do {
            window = try file.read(at: position, count: max(count, min(windowSize, size - position)))
        } catch {
            throw .system(error)
        }
        index = 0
        guard window.count >= count else { throw .corrupt(reason: "unexpected end of file", offset: position) }
    }

    /// Copies payload bytes from the window.
    private func copy(_ count: Int, to output: inout [UInt8]) {
        if case .smtp(let lineLimit) = format {
            if column == 0, count > 0, window[index] == UInt8(ascii: ".") { output.append(UInt8(ascii: ".")) }
            if lineLimit > 0, column + count > lineLimit { return copyBroken(count, lineLimit: lineLimit, to: &output) }
        }
        window.withUnsafeBytes { bytes in
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[index..<(index + count)]))
        }
        column += count
        advance(count)
    }

    private func copyBroken(_ count: Int, lineLimit: Int, to output: inout [UInt8]) {
        let end = index + count
        while index < end {
            if column >= lineLimit {
                output.append(contentsOf: [0x0d, 0x0a, 0x20])
                column = 1
            }
            let take = min(end - index, max(1, lineLimit - column))
            window.withUnsafeBytes { bytes in
                output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[index..<(index + take)]))
            }
            column += take
            advance(take)
        }
    }

    private func finishLine(_ output: inout [UInt8]) {
        if format != .text { output.append(0x0d) }
        output.append(0x0a)
        column = 0
    }
}
