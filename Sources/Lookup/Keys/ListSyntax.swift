/// Lists in parameter values: elements between commas and white space, `{ }` keeps an element together.
public enum ListSyntax {
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x2C || byte == 0x09 || byte == 0x0D || byte == 0x0A
    }

    /// The elements. An unbalanced brace protects the rest of the text; callers find it when they parse the element.
    public static func split(_ text: String) -> [String] {
        split(Array(text.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The elements where braces mean nothing.
    static func words(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        bytes.split(omittingEmptySubsequences: true, whereSeparator: isSeparator)
    }

    static func split(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var elements: [ArraySlice<UInt8>] = []
        var start: Int?
        var depth = 0
        for (index, byte) in zip(bytes.indices, bytes) {
            if depth == 0, isSeparator(byte) {
                if let first = start { elements.append(bytes[first..<index]) }
                start = nil
                continue
            }
            if start == nil { start = index }
            if byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "}") { depth -= 1 }
            if depth < 0 { depth = 0 }
        }
        if let first = start { elements.append(bytes[first..<bytes.endIndex]) }
        return elements
    }

    /// What is between the braces of `{ … }`, white space at both ends removed.
    static func unbrace(_ text: ArraySlice<UInt8>) throws(TableOpenError) -> ArraySlice<UInt8> {
        let shown = String(decoding: text, as: UTF8.self)
        guard text.first == UInt8(ascii: "{") else { throw TableOpenError("no '{' at start of text in \"\(shown)\"") }
        var depth = 0
        for (index, byte) in zip(text.indices, text) {
            if byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "}") { depth -= 1 }
            guard depth == 0 else { continue }
            if text[(index + 1)...].contains(where: { !isSpace($0) }) {
                throw TableOpenError("syntax error after '}' in \"\(shown)\"")
            }
            return trim(text[(text.startIndex + 1)..<index])
        }
        throw TableOpenError("missing '}' in \"\(shown)\"")
    }

    static func trim(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var slice = text
        while let first = slice.first, isSpace(first) { slice.removeFirst() }
        while let last = slice.last, isSpace(last) { slice.removeLast() }
        return slice
    }
}

extension ArraySlice<UInt8> {
    var text: String { String(decoding: self, as: UTF8.self) }
}

extension [UInt8] {
    var text: String { String(decoding: self, as: UTF8.self) }
}
