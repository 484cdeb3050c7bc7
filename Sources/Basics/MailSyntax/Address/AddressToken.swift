/// One lexical element of an address header or an envelope address (RFC 822 §3.3), as Postfix sees it.
public enum AddressToken: Hashable, Sendable {
    case atom([UInt8])
    /// Text without quotes and backslashes.
    case quoted([UInt8])
    /// Domain literal, without its brackets.
    case literal([UInt8])
    /// With its parentheses, nested ones included, as written.
    case comment([UInt8])
    /// Any other special character: `@`, `.`, `,`, `<`, `%`, `!` …
    case op(UInt8)
    /// The colon that opens a group.
    case groupStart
    /// One address: its tokens without comments.
    case address([AddressToken])

    var isWord: Bool {
        switch self {
        case .atom, .quoted, .literal: true
        default: false
        }
    }
}

/// Splits text into address tokens. Total: whatever is not closed ends with the text.
public enum AddressScanner {
    /// - Parameter limit: tokens read at most (header_address_token_limit); the rest is ignored.
    public static func tokens(_ text: some Sequence<UInt8>, limit: Int = .max) -> [AddressToken] {
        let bytes = Array(text)
        var tokens: [AddressToken] = []
        var index = 0
        while index < bytes.count, tokens.count < limit {
            let byte = bytes[index]
            switch byte {
            case _ where isBlank(byte): index += 1
            case 0x28: tokens.append(.comment(comment(bytes, &index)))
            case 0x22: tokens.append(.quoted(delimited(bytes, &index, end: 0x22)))
            case 0x5B: tokens.append(.literal(delimited(bytes, &index, end: 0x5D)))
            case _ where isOperator(byte):
                tokens.append(.op(byte))
                index += 1
            default:
                if let atom = atom(bytes, &index) { tokens.append(atom) }
            }
        }
        return tokens
    }

    /// The specials of RFC 822 but the backslash, and the operators of UUCP and percent addresses.
    static func isOperator(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x28, 0x29, 0x3C, 0x3E, 0x40, 0x2C, 0x3B, 0x3A, 0x22, 0x2E, 0x5B, 0x5D, 0x25, 0x21: true
        default: false
        }
    }

    /// Linear white space (RFC 822 §3.3). Vertical tab and form feed are not: they are controls that quoted strings may
    /// hold (RFC 5322 §4.1, obs-NO-WS-CTL).
    static func isBlank(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D: true
        default: false
        }
    }

    /// A backslash makes the next character part of the atom. A character that an atom cannot hold, controls among them,
    /// makes it a quoted string. As in Postfix, an escaped tab or line end is a blank.
    private static func atom(_ bytes: [UInt8], _ index: inout Int) -> AddressToken? {
        var text: [UInt8] = []
        var needsQuotes = false
        while index < bytes.count {
            var byte = bytes[index]
            if byte == 0x5C {
                index += 1
                guard index < bytes.count else { break }
                byte = bytes[index]
                if isOperator(byte) || isBlank(byte) || byte == 0x5C { needsQuotes = true }
            } else if isBlank(byte) || isOperator(byte) {
                break
            }
            if ASCII.isControl(byte) { needsQuotes = true }
            text.append(isBlank(byte) ? 0x20 : byte)
            index += 1
        }
        if text.isEmpty { return nil }
        return needsQuotes ? .quoted(text) : .atom(text)
    }

    private static func delimited(_ bytes: [UInt8], _ index: inout Int, end: UInt8) -> [UInt8] {
        var text: [UInt8] = []
        index += 1
        while index < bytes.count {
            var byte = bytes[index]
            index += 1
            if byte == end { break }
            if byte == 0x5C {
                guard index < bytes.count else { break }
                byte = bytes[index]
                index += 1
            }
            text.append(isBlank(byte) ? 0x20 : byte)
        }
        return text
    }

    /// Of a comment: a tab stays a tab.
    private static func onOneLine(_ byte: UInt8) -> UInt8 { byte == 0x0A || byte == 0x0D ? 0x20 : byte }

    private static func comment(_ bytes: [UInt8], _ index: inout Int) -> [UInt8] {
        var text: [UInt8] = []
        var depth = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            text.append(onOneLine(byte))
            if byte == 0x5C, index < bytes.count {
                text.append(onOneLine(bytes[index]))
                index += 1
            } else if byte == 0x28 {
                depth += 1
            } else if byte == 0x29 {
                depth -= 1
                if depth == 0 { break }
            }
        }
        return text
    }
}
