import MailSyntax

/// The lookup keys of a message: its headers (`postmap -h`) or body lines (`-b`), with MIME structure (`-m`) or without.
///
/// With MIME, the headers of multipart parts and of attached messages are headers; without, they are body lines. The empty
/// line after headers is a body line; the message's own headers get one where it is missing.
struct MessageKeys {
    private let header: Bool
    private let body: Bool
    private let mime: Bool
    private let warn: (String) -> Void

    private var inHeader = true
    /// The headers are the message's own, not those of a part.
    private var isOutermost = true
    private var current: [UInt8]?
    private var content = ContentType.other
    private var boundaries: [[UInt8]] = []

    /// header_size_limit
    private static let headerSizeLimit = 102_400
    /// mime_nesting_limit
    private static let nestingLimit = 100

    private enum ContentType {
        case multipart(boundary: [UInt8])
        case message
        case other
    }

    init(header: Bool, body: Bool, mime: Bool, warn: @escaping (String) -> Void) {
        self.header = header
        self.body = body
        self.mime = mime
        self.warn = warn
    }

    /// The keys that are complete with `line`.
    mutating func feed(_ line: [UInt8]) -> [[UInt8]] {
        if !inHeader { return bodyLine(line) }
        if let first = line.first, first == 0x20 || first == 0x09, current != nil {
            if current?.count ?? 0 < Self.headerSizeLimit { current?.append(contentsOf: [0x0A] + line) }
            return []
        }
        var keys = endOfHeader()
        if let start = HeaderLine.normalized(line) {
            current = start
            return keys
        }
        keys += endOfHeaders(line)
        return keys
    }

    /// The keys that are complete with the end of the message.
    mutating func finish() -> [[UInt8]] { inHeader ? endOfHeader() : [] }

    private mutating func endOfHeader() -> [[UInt8]] {
        guard let text = current else { return [] }
        current = nil
        if mime, let value = HeaderLine.value(of: "content-type", in: text) { content = Self.contentType(value) }
        return header ? [text] : []
    }

    /// `line` is no header: a separator, or where the body starts without one.
    private mutating func endOfHeaders(_ line: [UInt8]) -> [[UInt8]] {
        let ended = content
        content = .other
        let separator: [[UInt8]] = body && (line.isEmpty || isOutermost) ? [[]] : []
        isOutermost = false
        switch ended {
        case .message:
            // An attached message begins with headers of its own.
            return separator + (line.isEmpty ? [] : feed(line))
        case .multipart(let boundary):
            if boundaries.count < Self.nestingLimit {
                boundaries.append(boundary)
            } else {
                warn("mime_error: excessive nesting")
            }
        case .other: break
        }
        inHeader = false
        return separator + (line.isEmpty ? [] : bodyLine(line))
    }

    private mutating func bodyLine(_ line: [UInt8]) -> [[UInt8]] {
        if mime, line.starts(with: [0x2D, 0x2D]) { checkBoundary(line.dropFirst(2)) }
        return body ? [line] : []
    }

    private mutating func checkBoundary(_ text: ArraySlice<UInt8>) {
        guard let level = boundaries.lastIndex(where: { text.starts(with: $0) }) else { return }
        let rest = text.dropFirst(boundaries[level].count)
        boundaries.removeSubrange((level + 1)...)
        if rest.starts(with: [0x2D, 0x2D]) {
            boundaries.removeLast()
        } else {
            inHeader = true
            content = .other
        }
    }

    private static func contentType(_ value: ArraySlice<UInt8>) -> ContentType {
        let tokens = MIMEToken.scan(value)
        guard tokens.count >= 3, case .word(let type) = tokens[0], tokens[1] == .special(UInt8(ascii: "/")),
            case .word(let subtype) = tokens[2]
        else { return .other }
        if same(type, "message") {
            return same(subtype, "rfc822") || same(subtype, "global") ? .message : .other
        }
        guard same(type, "multipart") else { return .other }
        for index in tokens.indices.dropLast(3) {
            guard tokens[index] == .special(UInt8(ascii: ";")), case .word(let name) = tokens[index + 1],
                same(name, "boundary"), tokens[index + 2] == .special(UInt8(ascii: "=")),
                case .word(let boundary) = tokens[index + 3], !boundary.isEmpty
            else { continue }
            return .multipart(boundary: boundary)
        }
        return .other
    }

    private static func same(_ word: [UInt8], _ text: String) -> Bool {
        ASCII.equalIgnoringCase(String(decoding: word, as: UTF8.self), text)
    }
}

/// A line that begins a header (RFC 5322 §2.2).
enum HeaderLine {
    /// `Name: value`, without white space before the colon; nil when the line is no header.
    static func normalized(_ line: [UInt8]) -> [UInt8]? {
        guard let (name, value) = split(line) else { return nil }
        return Array(name) + [UInt8(ascii: ":")] + value
    }

    static func value(of name: String, in header: [UInt8]) -> ArraySlice<UInt8>? {
        guard let (found, value) = split(header),
            ASCII.equalIgnoringCase(String(decoding: found, as: UTF8.self), name)
        else { return nil }
        return value
    }

    private static func split(_ line: [UInt8]) -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
        let name = line.prefix { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
        let rest = line[name.endIndex...].drop { $0 == 0x20 || $0 == 0x09 }
        guard !name.isEmpty, rest.first == UInt8(ascii: ":") else { return nil }
        return (name, rest.dropFirst())
    }
}

/// A token of RFC 2045 §5.1; comments are left out.
enum MIMEToken: Equatable {
    case word([UInt8])
    case special(UInt8)

    static func scan(_ text: ArraySlice<UInt8>) -> [MIMEToken] {
        var tokens: [MIMEToken] = []
        var rest = text
        while let first = rest.first {
            if ASCII.isSpace(first) {
                rest.removeFirst()
            } else if first == UInt8(ascii: "\"") {
                tokens.append(.word(quoted(&rest)))
            } else if first == UInt8(ascii: "(") {
                skipComment(&rest)
            } else if isSpecial(first) {
                tokens.append(.special(first))
                rest.removeFirst()
            } else {
                let word = rest.prefix { !ASCII.isSpace($0) && !isSpecial($0) && $0 != 0x22 && $0 != 0x28 }
                tokens.append(.word(Array(word)))
                rest = rest[word.endIndex...]
            }
        }
        return tokens
    }

    private static func isSpecial(_ byte: UInt8) -> Bool { "/;=,:<>@[]?".utf8.contains(byte) }

    /// A folded line goes on without the white space that begins it.
    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        rest.removeFirst()
        var result: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") {
                if let escaped = rest.popFirst() { result.append(escaped) }
            } else if byte == 0x0A {
                rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func skipComment(_ rest: inout ArraySlice<UInt8>) {
        var depth = 0
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\\"): _ = rest.popFirst()
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"):
                depth -= 1
                if depth == 0 { return }
            default: break
            }
        }
    }
}
