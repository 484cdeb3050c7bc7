/// One line of a `postmap` source file (postmap(1), "input file format").
public enum SourceEntry: Equatable, Sendable {
    case entry(key: [UInt8], value: [UInt8], looksLikeAlias: Bool)
    /// A `"` in the key has no partner.
    case unbalancedQuote
    case noValue

    /// White space outside quotes ends the key; quotes stay part of it. Space around the value goes.
    public init(_ line: [UInt8]) {
        var quoted = false
        var index = line.startIndex
        while index < line.endIndex {
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
        let end = min(index, line.endIndex)
        let key = Array(line[..<end])
        let value = Array(ListSyntax.trim(line[end...]))
        if quoted {
            self = .unbalancedQuote
        } else if key.isEmpty || value.isEmpty {
            self = .noValue
        } else {
            self = .entry(key: key, value: value, looksLikeAlias: key.last == UInt8(ascii: ":"))
        }
    }
}
