/// The value of a Content-Type: header (RFC 2045 §5.1), as far as the structure of a message depends on it. Total.
public struct MIMEContentType: Hashable, Sendable {
    /// In lower case.
    public var type: String
    public var subtype: String
    /// Without quotes; nil when not given.
    public var boundary: [UInt8]?

    public init(type: String, subtype: String) {
        self.type = type
        self.subtype = subtype
    }

    /// - Parameters:
    ///   - value: unfolded or not.
    ///   - boundaryLimit: bytes of a boundary that count (mime_boundary_length_limit).
    public init?(_ value: some Collection<UInt8>, boundaryLimit: Int = 2048) {
        var scanner = MIMEScanner(Array(value))
        guard let type = scanner.token(), scanner.take(0x2F), let subtype = scanner.token() else { return nil }
        self.init(
            type: ASCII.lowercased(String(decoding: type, as: UTF8.self)),
            subtype: ASCII.lowercased(String(decoding: subtype, as: UTF8.self)))
        while scanner.skip(to: 0x3B) {
            guard let name = scanner.token(), scanner.take(0x3D), let text = scanner.token(allowsQuotes: true) else {
                continue
            }
            if ASCII.equalIgnoringCase(String(decoding: name, as: UTF8.self), "boundary"), !text.isEmpty {
                boundary = boundary ?? Array(text.prefix(boundaryLimit))
            }
        }
    }
}

/// The first word of a header value, such as that of Content-Transfer-Encoding:, in lower case.
public func mimeToken(_ value: some Collection<UInt8>) -> String? {
    var scanner = MIMEScanner(Array(value))
    return scanner.token().map { ASCII.lowercased(String(decoding: $0, as: UTF8.self)) }
}

/// Tokens, quoted strings and comments of structured header values.
struct MIMEScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private mutating func skipSpace() {
        var depth = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 0x28: depth += 1
            case 0x29 where depth > 0: depth -= 1
            case 0x5C where depth > 0: index += 1
            case _ where depth > 0 || ASCII.isSpace(byte): break
            default: return
            }
            index += 1
        }
    }

    /// True when the next byte is `wanted`; it is taken then.
    mutating func take(_ wanted: UInt8) -> Bool {
        skipSpace()
        guard index < bytes.count, bytes[index] == wanted else { return false }
        index += 1
        return true
    }

    /// Goes behind the next `wanted` outside quotes and comments.
    mutating func skip(to wanted: UInt8) -> Bool {
        while true {
            skipSpace()
            guard index < bytes.count else { return false }
            if take(wanted) { return true }
            if token(allowsQuotes: true) == nil { index += 1 }
        }
    }

    mutating func token(allowsQuotes: Bool = false) -> [UInt8]? {
        skipSpace()
        if allowsQuotes, index < bytes.count, bytes[index] == 0x22 { return quoted() }
        let start = index
        while index < bytes.count, Self.isTokenByte(bytes[index]) { index += 1 }
        return index > start ? Array(bytes[start..<index]) : nil
    }

    private mutating func quoted() -> [UInt8] {
        index += 1
        var result: [UInt8] = []
        while index < bytes.count, bytes[index] != 0x22 {
            if bytes[index] == 0x5C, index + 1 < bytes.count { index += 1 }
            if bytes[index] == 0x0A || bytes[index] == 0x0D {
                // A folded value: of the white space around the line end, what follows it counts.
                while let last = result.last, last == 0x20 || last == 0x09 { result.removeLast() }
            } else {
                result.append(bytes[index])
            }
            index += 1
        }
        index += 1
        return result
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x7F, 0x28, 0x29, 0x3C, 0x3E, 0x40, 0x2C, 0x3B, 0x3A, 0x5C, 0x22, 0x2F, 0x5B, 0x5D, 0x3F, 0x3D:
            false
        default: true
        }
    }
}
