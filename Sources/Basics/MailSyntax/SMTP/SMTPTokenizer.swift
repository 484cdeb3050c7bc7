/// One word of an SMTP command line.
public struct SMTPToken: Hashable, Sendable {
    public var text: String
    /// False for an unterminated `<…>`, quoted string, comment or literal.
    public var isWellFormed: Bool

    public init(_ text: String, isWellFormed: Bool = true) {
        self.text = text
        self.isWellFormed = isWellFormed
    }
}

/// Splits a command line into words as Postfix's smtpd does: white space separates, `<…>` is one word with whatever
/// it holds (nested `<>`, quoted strings, `\` pairs, comments, literals), and a colon ends the word it closes (`FROM:`).
public enum SMTPTokenizer {
    public static func tokens(_ line: String) -> [SMTPToken] {
        let bytes = Array(line.utf8)
        var tokens: [SMTPToken] = []
        var index = 0
        while true {
            while index < bytes.count, ASCII.isSpace(bytes[index]) { index += 1 }
            guard index < bytes.count else { return tokens }
            let start = index
            let wellFormed = skipWord(bytes, &index)
            tokens.append(SMTPToken(String(decoding: bytes[start..<index], as: UTF8.self), isWellFormed: wellFormed))
        }
    }

    /// Moves `index` past one word. Returns false when something that was opened is not closed.
    private static func skipWord(_ bytes: [UInt8], _ index: inout Int) -> Bool {
        // The closing bytes that are still to come, innermost last. A pathological line nests at most its own length.
        var open: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == 0x5C {
                index = min(index + 1, bytes.count)
                continue
            }
            let inner = open.last
            if inner == 0x22 {
                if byte == 0x22 { open.removeLast() }
            } else if byte == inner {
                open.removeLast()
            } else {
                switch byte {
                case 0x22: open.append(0x22)
                case 0x5B where inner != 0x5D: open.append(0x5D)
                case 0x28 where inner == 0x3E || inner == 0x29: open.append(0x29)
                case 0x3C where inner == nil || inner == 0x3E: open.append(0x3E)
                case 0x3A where inner == nil: return true
                default: break
                }
            }
            if open.isEmpty, index < bytes.count, ASCII.isSpace(bytes[index]) { return true }
        }
        return open.isEmpty
    }
}
