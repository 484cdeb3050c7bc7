/// One line of a `postmap` source file (postmap(1), "input file format").
public enum SourceEntry: Equatable, Sendable {
    case entry(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>, looksLikeAlias: Bool)
    /// A `"` in the key has no partner.
    case unbalancedQuote
    case noValue

    /// White space outside quotes ends the key; quotes stay part of it. Space around the value goes.
    public init(_ line: ArraySlice<UInt8>) {
        let (keyEnd, quoted) = line.withUnsafeBufferPointer(Self.endOfKey)
        let end = line.startIndex + keyEnd
        let key = line[..<end]
        let value = ListSyntax.trim(line[end...])
        if quoted {
            self = .unbalancedQuote
        } else if key.isEmpty || value.isEmpty {
            self = .noValue
        } else {
            self = .entry(key: key, value: value, looksLikeAlias: key.last == UInt8(ascii: ":"))
        }
    }

    /// Its distance from the start, and whether the key ends within quotes.
    private static func endOfKey(_ line: UnsafeBufferPointer<UInt8>) -> (Int, quoted: Bool) {
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
        return (min(index, line.count), quoted)
    }
}
