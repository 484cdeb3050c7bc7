/// Where key and value stand in a line of a `postmap` source file (postmap(1), "input file format"), counted from the
/// line's start.
struct SourceFields {
    let keyEnd: Int
    let value: Range<Int>
    /// A `"` in the key has no partner.
    let isUnbalanced: Bool

    /// White space outside quotes ends the key; quotes stay part of it. Space around the value goes.
    init(_ line: UnsafeBufferPointer<UInt8>) {
        var quoted = false
        var index = 0
        while index < line.count {
            let byte = line[index]
            if byte == UInt8(ascii: "\\") {
                index += 1
            } else if !quoted, ListSyntax.isSpace(byte) {
                break
            } else if byte == UInt8(ascii: "\"") {
                quoted.toggle()
            }
            index += 1
        }
        keyEnd = min(index, line.count)
        isUnbalanced = quoted
        var start = keyEnd
        while start < line.count, ListSyntax.isSpace(line[start]) { start += 1 }
        var end = line.count
        while end > start, ListSyntax.isSpace(line[end - 1]) { end -= 1 }
        value = start..<end
    }

    var isComplete: Bool { keyEnd > 0 && !value.isEmpty }
}
