import MailSyntax

/// Makes an 8-bit MIME message fit for a server without 8BITMIME (RFC 6152 §3): parts that say 8bit or binary become
/// quoted-printable, whatever contains them becomes 7bit. Text without such a label is left alone, as Postfix leaves it.
/// Streams: holds one header, or one line.
struct EightBitConverter {
    struct Limits {
        /// mime_nesting_limit
        var nesting = 100
        /// mime_boundary_length_limit
        var boundary = 2048
        /// header_size_limit
        var header = 102_400
    }

    private enum State {
        case headers
        /// A line that belongs to no part, or is sent as it is.
        case body
        case encoding
    }

    /// Bytes of a body line that are looked at together.
    private static let pieceLimit = 4096

    private let limits: Limits
    private var state = State.headers
    private var boundaries: [(text: [UInt8], isDigest: Bool)] = []
    private var type = MIMEContentType(type: "text", subtype: "plain")
    /// Content-Transfer-Encoding of this part; nil without one.
    private var transferEncoding: String?
    /// The header that is being read, its lines ended by LF.
    private var header: [UInt8] = []
    private var headerIsTooLong = false
    private var line: [UInt8] = []
    /// Pieces of the current line have gone out.
    private var isMidLine = false
    private var encoder = QuotedPrintable()
    private var output: [UInt8] = []

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Lines ended by LF; the last one may be partial.
    mutating func convert(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            line += rest[..<end]
            take(endsLine: true)
            rest = rest[(end + 1)...]
        }
        line += rest
        if line.count > Self.pieceLimit { take(endsLine: false) }
        defer { output = [] }
        return output
    }

    mutating func finish() -> [UInt8] {
        if !line.isEmpty || isMidLine { take(endsLine: true) }
        if state == .headers { endHeaders() }
        defer { output = [] }
        return output
    }

    private mutating func take(endsLine: Bool) {
        defer {
            line.removeAll(keepingCapacity: true)
            isMidLine = !endsLine
        }
        if !isMidLine, line.starts(with: [0x2D, 0x2D]), takeBoundary(endsLine) { return }
        switch state {
        case .headers: takeHeader(endsLine)
        case .body: pass(endsLine)
        case .encoding: encoder.encode(line[...], endsLine: endsLine, into: &output)
        }
    }

    private mutating func pass(_ endsLine: Bool) {
        output += line
        if endsLine { output.append(0x0A) }
    }

    // MARK: Parts

    private mutating func takeBoundary(_ endsLine: Bool) -> Bool {
        for index in boundaries.indices.reversed() where line.dropFirst(2).starts(with: boundaries[index].text) {
            if state == .headers { endHeaders() }
            let isLast = line.dropFirst(2 + boundaries[index].text.count).starts(with: [0x2D, 0x2D])
            let isDigest = boundaries[index].isDigest
            boundaries.removeSubrange((isLast ? index : index + 1)...)
            pass(endsLine)
            if isLast { state = .body } else { beginPart(isDigest: isDigest) }
            return true
        }
        return false
    }

    private mutating func beginPart(isDigest: Bool) {
        state = .headers
        type =
            isDigest
            ? MIMEContentType(type: "message", subtype: "rfc822") : MIMEContentType(type: "text", subtype: "plain")
        transferEncoding = nil
        encoder = QuotedPrintable()
    }

    // MARK: Headers

    private mutating func takeHeader(_ endsLine: Bool) {
        let isContinuation = isMidLine || line.first == 0x20 || line.first == 0x09
        if isContinuation, !header.isEmpty || headerIsTooLong { return collect(endsLine) }
        flushHeader()
        if Self.isHeader(line) { return collect(endsLine) }
        endHeaders()
        // The empty line, or body text where it is missing.
        if line.isEmpty, endsLine, state == .headers || state == .body || state == .encoding {
            output.append(0x0A)
            return
        }
        if state == .headers { state = .body }
        if state == .encoding { encoder.encode(line[...], endsLine: endsLine, into: &output) } else { pass(endsLine) }
    }

    /// Too long to be judged: passed on.
    private mutating func collect(_ endsLine: Bool) {
        if !headerIsTooLong, header.count + line.count <= limits.header {
            header += line
            if endsLine { header.append(0x0A) }
            return
        }
        output += header
        header = []
        headerIsTooLong = true
        pass(endsLine)
    }

    private static func isHeader(_ line: [UInt8]) -> Bool {
        guard let end = line.firstIndex(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x3A }), end > 0,
            let colon = line[end...].firstIndex(where: { $0 != 0x20 && $0 != 0x09 })
        else { return false }
        return line[colon] == 0x3A
    }

    private mutating func flushHeader() {
        headerIsTooLong = false
        guard !header.isEmpty else { return }
        defer { header.removeAll(keepingCapacity: true) }
        guard let colon = header.firstIndex(of: 0x3A) else { return output += header }
        let value = header[(colon + 1)...]
        switch ASCII.lowercased(ASCII.trimmed(String(decoding: header[..<colon], as: UTF8.self))) {
        case "content-type": if let found = MIMEContentType(value, boundaryLimit: limits.boundary) { type = found }
        case "content-transfer-encoding":
            transferEncoding = mimeToken(value)
            // Written anew at the end of the headers.
            if isEightBit { return }
        default: break
        }
        output += header
    }

    private var isEightBit: Bool { transferEncoding == "8bit" || transferEncoding == "binary" }

    /// Decides what follows the headers.
    private mutating func endHeaders() {
        flushHeader()
        let isComposite = type.type == "multipart" || type.type == "message"
        if isEightBit {
            output += "Content-Transfer-Encoding: \(isComposite ? "7bit" : "quoted-printable")\n".utf8
        }
        if type.type == "multipart" {
            if let boundary = type.boundary, boundaries.count < limits.nesting {
                boundaries.append((boundary, type.subtype == "digest"))
            }
            state = .body
        } else if type.type == "message", type.subtype == "rfc822" || type.subtype == "global",
            isEightBit || transferEncoding == nil || transferEncoding == "7bit"
        {
            beginPart(isDigest: false)
        } else {
            state = isEightBit ? .encoding : .body
        }
    }
}
