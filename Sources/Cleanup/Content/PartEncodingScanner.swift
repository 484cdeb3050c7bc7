import Glibc
import MailSyntax

/// Finds out whether a part of a multipart message says that it is 8-bit text: the next hop must then know
/// (RFC 6152). Reads the body along with its writing and holds one header line at most.
struct PartEncodingScanner {
    /// mime_nesting_limit and mime_boundary_length_limit are larger; deeper parts are not looked at.
    private static let maximumNesting = 20
    private static let maximumLine = 1000

    private(set) var found8bit = false
    private var boundaries: [[UInt8]]
    private var inHeaders: Bool
    /// The header that is being collected.
    private var header: [UInt8] = []
    /// The part is a message: its own headers follow the empty line.
    private var startsMessage = false
    /// Start of the current line, cut at `maximumLine`.
    private var line: [UInt8] = []

    /// - Parameter contentType: value of the message's Content-Type. Nil for what has no parts.
    init?(contentType: ArraySlice<UInt8>) {
        guard let content = Self.container(contentType) else { return nil }
        switch content {
        case .multipart(let boundary):
            boundaries = [boundary]
            inHeaders = false
        case .message:
            boundaries = []
            inHeaders = true
        }
    }

    private enum Container {
        case multipart(boundary: [UInt8])
        case message
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        var start = 0
        while start < bytes.count, !found8bit, let base = bytes.baseAddress {
            let rest = bytes.count - start
            let end = memchr(base + start, 0x0A, rest).map { UnsafeRawPointer($0) - base } ?? bytes.count
            line += bytes[start..<min(end, start + max(0, Self.maximumLine - line.count))]
            guard end < bytes.count else { return }
            takeLine()
            line.removeAll(keepingCapacity: true)
            start = end + 1
        }
    }

    private mutating func takeLine() {
        if line.starts(with: [0x2D, 0x2D]), takeBoundary() { return }
        guard inHeaders else { return }
        if let first = line.first, first == 0x20 || first == 0x09 {
            if header.count + line.count <= 2 * Self.maximumLine { header += line }
            return
        }
        judgeHeader()
        header = line
        if line.isEmpty { inHeaders = startsMessage }
        startsMessage = startsMessage && !line.isEmpty
    }

    private mutating func takeBoundary() -> Bool {
        for (index, boundary) in boundaries.enumerated().reversed() where line.dropFirst(2).starts(with: boundary) {
            let isLast = line.dropFirst(2 + boundary.count).starts(with: [0x2D, 0x2D])
            boundaries.removeSubrange((isLast ? index : index + 1)...)
            header = []
            inHeaders = !isLast
            startsMessage = false
            return true
        }
        return false
    }

    private mutating func judgeHeader() {
        guard let field = HeaderLine(header) else { return }
        header = []
        switch field.key {
        case "content-transfer-encoding":
            if Self.is8bit(field.value) { found8bit = true }
        case "content-type":
            switch Self.container(field.value) {
            case .multipart(let boundary)? where boundaries.count < Self.maximumNesting: boundaries.append(boundary)
            case .message?: startsMessage = true
            default: break
            }
        default: break
        }
    }

    static func is8bit(_ value: ArraySlice<UInt8>) -> Bool {
        let word = ASCII.trimmed(String(decoding: value, as: UTF8.self))
        return ASCII.equalIgnoringCase(word, "8bit") || ASCII.equalIgnoringCase(word, "binary")
    }

    /// `multipart/mixed; boundary="x"`, `message/rfc822`.
    private static func container(_ value: ArraySlice<UInt8>) -> Container? {
        let text = value.drop(while: ASCII.isSpace).map { ASCII.lowercased($0) }
        if text.starts(with: "message/rfc822".utf8) || text.starts(with: "message/global".utf8) { return .message }
        guard text.starts(with: "multipart/".utf8) else { return nil }
        let original = Array(value.drop(while: ASCII.isSpace))
        let name = Array("boundary".utf8)
        for start in text.indices where text[start...].starts(with: name) {
            var rest = original[(start + name.count)...].drop(while: ASCII.isSpace)
            guard rest.first == 0x3D else { continue }
            rest = rest.dropFirst().drop(while: ASCII.isSpace)
            let boundary: ArraySlice<UInt8>
            if rest.first == 0x22 {
                boundary = rest.dropFirst().prefix { $0 != 0x22 }
            } else {
                boundary = rest.prefix { $0 != 0x3B && !ASCII.isSpace($0) }
            }
            return boundary.isEmpty || boundary.count > maximumLine / 2 ? nil : .multipart(boundary: Array(boundary))
        }
        return nil
    }
}
