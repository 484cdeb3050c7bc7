import Lookup
import MailSyntax

/// The entries of an aliases(5) source.
struct AliasReader {
    struct Entry {
        let key: [UInt8]
        let value: [UInt8]
    }

    private let path: String
    private let options: TableOptions
    private var lines: SourceLines

    init(_ path: String, _ text: [UInt8], options: TableOptions) {
        self.path = path
        self.options = options
        lines = SourceLines(path, text, options: options)
    }

    /// The next entry; warns of lines that are none.
    mutating func next(warn: (String) -> Void) -> Entry? {
        while let line = lines.next(warn: warn) {
            let place = "\(path), line \(line.number)"
            let tokens = AliasToken.scan(Array(line.text))
            guard let colon = tokens.firstIndex(of: .special(UInt8(ascii: ":"))) else {
                warn("\(place): need name:value pair")
                continue
            }
            // A lone backslash is a token without text, as Postfix sees it; a comma ends a name before its colon.
            let name = tokens[..<colon]
            if name.isEmpty || name.contains(.special(UInt8(ascii: ","))) || tokens[(colon + 1)...].isEmpty {
                warn("\(place): need name:value pair")
                continue
            }
            let key = AliasToken.text(tokens[..<colon])
            let value = AliasToken.text(tokens[(colon + 1)...])
            if tokens[..<colon].contains(.special(UInt8(ascii: "@"))) {
                warn("\(place): name must be local")
                continue
            }
            return Entry(key: key, value: value)
        }
        return nil
    }
}

/// A token of RFC 822 §3.3, as an alias line has them.
enum AliasToken: Equatable {
    /// Without backslashes.
    case atom([UInt8])
    /// Without quotes and backslashes.
    case quoted([UInt8])
    /// With its parentheses or brackets, as written.
    case comment([UInt8])
    case literal([UInt8])
    case special(UInt8)

    static func scan(_ text: [UInt8]) -> [AliasToken] {
        var tokens: [AliasToken] = []
        var rest = text[...]
        while let first = rest.first {
            switch first {
            case _ where ASCII.isSpace(first): rest.removeFirst()
            case UInt8(ascii: "\""): tokens.append(.quoted(takeQuoted(&rest)))
            case UInt8(ascii: "("): tokens.append(.comment(takeNested(&rest)))
            case UInt8(ascii: "["): tokens.append(.literal(takeLiteral(&rest)))
            case _ where isSpecial(first):
                tokens.append(.special(first))
                rest.removeFirst()
            default: tokens.append(.atom(takeAtom(&rest)))
            }
        }
        return tokens
    }

    private static func isSpecial(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: ";"),
            UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "!"),
            UInt8(ascii: "%"), UInt8(ascii: "|"):
            true
        default: false
        }
    }

    private static func takeQuoted(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        rest.removeFirst()
        var result: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") {
                if let escaped = rest.popFirst() { result.append(escaped) }
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func takeNested(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var depth = 0
        while let byte = rest.popFirst() {
            result.append(byte)
            if byte == UInt8(ascii: "\\") {
                if let escaped = rest.popFirst() { result.append(escaped) }
            } else if byte == UInt8(ascii: "(") {
                depth += 1
            } else if byte == UInt8(ascii: ")") {
                depth -= 1
                if depth == 0 { break }
            }
        }
        return result
    }

    private static func takeLiteral(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        while let byte = rest.popFirst() {
            result.append(byte)
            if byte == UInt8(ascii: "\\") {
                if let escaped = rest.popFirst() { result.append(escaped) }
            } else if byte == UInt8(ascii: "]") {
                break
            }
        }
        return result
    }

    private static func takeAtom(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        while let byte = rest.first, !ASCII.isSpace(byte), !isSpecial(byte), byte != UInt8(ascii: "\""),
            byte != UInt8(ascii: "("), byte != UInt8(ascii: "[")
        {
            rest.removeFirst()
            if byte == UInt8(ascii: "\\") {
                if let escaped = rest.popFirst() { result.append(escaped) }
            } else {
                result.append(byte)
            }
        }
        return result
    }

    /// The tokens as text: one space between words, after commas and before `<`, none elsewhere.
    static func text(_ tokens: ArraySlice<AliasToken>) -> [UInt8] {
        var result: [UInt8] = []
        var previous: AliasToken?
        for token in tokens {
            if let previous, previous.isWord, token.isWord { result.append(0x20) }
            switch token {
            case .atom(let text): result += needsQuotes(text) ? quoted(text) : text
            case .quoted(let text): result += quoted(text)
            case .comment(let text), .literal(let text): result += text
            case .special(let byte):
                if byte == UInt8(ascii: "<"), let last = result.last, last != 0x20 { result.append(0x20) }
                result.append(byte)
                if byte == UInt8(ascii: ",") { result.append(0x20) }
            }
            previous = token
        }
        return result
    }

    private var isWord: Bool {
        switch self {
        case .atom, .quoted, .comment, .literal: true
        case .special: false
        }
    }

    /// An atom that had backslashes before characters that need them.
    private static func needsQuotes(_ text: [UInt8]) -> Bool {
        text.contains { ASCII.isSpace($0) || isSpecial($0) || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
    }

    private static func quoted(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { result.append(UInt8(ascii: "\\")) }
            result.append(byte)
        }
        return result + [UInt8(ascii: "\"")]
    }
}
