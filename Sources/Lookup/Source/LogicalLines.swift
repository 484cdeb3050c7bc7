import Glibc

/// Postfix's logical lines: a line that starts with white space continues the one before; empty lines and lines whose
/// first non-space octet is `#` are skipped, even inside a logical line.
public struct LogicalLines: Sequence, IteratorProtocol {
    public struct Line: Sendable {
        /// The text without its newlines.
        public let text: ArraySlice<UInt8>
        /// Of its first physical line, from 1.
        public let number: Int
        /// The line has nothing to continue: the first of the source starts with white space.
        let startsWithSpace: Bool
    }

    private let source: [UInt8]
    private var position = 0
    private var number = 0

    init(_ source: [UInt8]) { self.source = source }

    public mutating func next() -> Line? {
        while let (physical, end) = physicalLine() {
            number += 1
            position = end
            guard Self.hasText(physical), let head = physical.first else { continue }
            let first = number
            // Most lines stand alone, and are not copied.
            let text = nextBeginsLine ? physical : joined(physical)
            return Line(text: text, number: first, startsWithSpace: ListSyntax.isSpace(head))
        }
        return nil
    }

    private static func hasText(_ line: ArraySlice<UInt8>) -> Bool {
        for byte in line where !ListSyntax.isSpace(byte) { return byte != UInt8(ascii: "#") }
        return false
    }

    /// Whether what follows is certainly no continuation.
    private var nextBeginsLine: Bool {
        guard position < source.count else { return true }
        return !ListSyntax.isSpace(source[position]) && source[position] != UInt8(ascii: "#")
    }

    /// `first` and the lines that continue it.
    private mutating func joined(_ first: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = Array(first)
        while let (more, end) = physicalLine() {
            if Self.hasText(more) {
                guard let head = more.first, ListSyntax.isSpace(head) else { break }
                text.append(contentsOf: more)
            }
            number += 1
            position = end
        }
        return text[...]
    }

    /// The line at the position, without its newline, and where the next begins.
    private func physicalLine() -> (ArraySlice<UInt8>, Int)? {
        guard position < source.count else { return nil }
        let start = position
        let newline = source.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress, let found = memchr(base + start, 0x0A, bytes.count - start) else {
                return nil
            }
            return base.distance(to: UnsafeRawPointer(found))
        }
        guard let newline else { return (source[start...], source.count) }
        return (source[start..<newline], newline + 1)
    }
}
