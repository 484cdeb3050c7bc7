import Glibc

/// Postfix's logical lines: a line that starts with white space continues the one before; empty lines and lines whose
/// first non-space octet is `#` are skipped, even inside a logical line.
struct LogicalLines: Sequence, IteratorProtocol {
    struct Line: Sendable {
        /// The text without its newlines.
        let text: [UInt8]
        /// Of its first physical line, from 1.
        let number: Int
        /// The line has nothing to continue: the first of the source starts with white space.
        let startsWithSpace: Bool
    }

    private let source: [UInt8]
    private var position = 0
    private var number = 0

    init(_ source: [UInt8]) { self.source = source }

    mutating func next() -> Line? {
        var text: [UInt8] = []
        var first: Int?
        while let (physical, end) = physicalLine() {
            if let start = physical.first(where: { !ListSyntax.isSpace($0) }), start != UInt8(ascii: "#") {
                if first != nil, let head = physical.first, !ListSyntax.isSpace(head) { break }
                if first == nil { first = number + 1 }
                text.append(contentsOf: physical)
            }
            number += 1
            position = end
        }
        guard let first else { return nil }
        return Line(text: text, number: first, startsWithSpace: text.first.map(ListSyntax.isSpace) ?? false)
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
