import MailSyntax

/// A complete reply of an SMTP or LMTP server (RFC 5321 §4.2).
struct ServerReply: Sendable, Equatable {
    /// 200 to 599.
    var code: Int
    /// RFC 3463 status: the server's when it fits the code, else `2.0.0`, `4.0.0`, `5.0.0`.
    var status: String
    /// The lines with their codes, joined by blanks, without control characters.
    var text: String
    /// The lines without code and separator, for EHLO.
    var lines: [String]

    var isPositive: Bool { code / 100 == 2 }
    var isPermanent: Bool { code / 100 == 5 }
}

/// Cuts the byte stream of a server into replies. Lines without a reply code are skipped, as Postfix does; lines and
/// replies are bounded: what is beyond the bounds is read and dropped, but not for ever.
struct ReplyParser: Sendable {
    static let maximumReply = 20_000
    /// A server that says this much without ending its reply has none to give.
    static let endlessReply = 1 << 20

    /// line_length_limit
    let maximumLine: Int
    /// Nothing is read any more.
    private(set) var isEndless = false
    /// Bytes since the last reply.
    private var size = 0
    private var notices: [String] = []
    private var line: [UInt8] = []
    private var lines: [String] = []
    private var text = ""
    private var status: String?

    init(maximumLine: Int = 2048) { self.maximumLine = maximumLine }

    /// Replies that `bytes` complete.
    mutating func consume(_ bytes: some Sequence<UInt8>) -> [ServerReply] {
        var replies: [ServerReply] = []
        for byte in bytes where !isEndless {
            size += 1
            if byte == 0x0A {
                if let reply = endLine() {
                    replies.append(reply)
                    size = 0
                }
            } else if line.count < maximumLine {
                line.append(byte)
            } else if line.count == maximumLine {
                // Told once a line: the count of a line that is too long is one more.
                note("response longer than \(maximumLine): \(shown)...")
                line.append(byte)
            }
            if size == Self.endlessReply {
                isEndless = true
                note("endless response: \(shown)...")
            }
        }
        return replies
    }

    private var shown: String {
        String(decoding: line.prefix(30).map { ASCII.isControl($0) ? 0x3F : $0 }, as: UTF8.self)
    }

    private mutating func note(_ text: String) { if notices.count < 4 { notices.append(text) } }

    /// What the log should know of the bytes so far, in Postfix's words.
    mutating func takeNotices() -> [String] {
        defer { notices = [] }
        return notices
    }

    private mutating func endLine() -> ServerReply? {
        if line.count > maximumLine { line.removeLast() }
        while line.last == 0x0D { line.removeLast() }
        defer { line.removeAll(keepingCapacity: line.capacity <= 512) }
        guard line.count >= 3, let code = ASCII.decimal(line[..<3]), (200..<600).contains(code),
            line.count == 3 || line[3] == 0x20 || line[3] == 0x2D
        else { return nil }
        let isLast = line.count == 3 || line[3] == 0x20
        let words = String(decoding: line.dropFirst(4), as: UTF8.self)
        let own = EnhancedStatus(parsing: words)
        if let own, own.statusClass == code / 100 { status = own.description }
        if text.utf8.count < Self.maximumReply {
            if !text.isEmpty { text += " " }
            let clean = line.map { ASCII.isControl($0) ? UInt8(ascii: "?") : $0 }
            text += String(decoding: clean, as: UTF8.self)
            lines.append(words)
            if text.utf8.count >= Self.maximumReply {
                note("multi-line response longer than \(maximumLine) \(shown)...")
            }
        }
        guard isLast else { return nil }
        let reply = ServerReply(code: code, status: status ?? "\(code / 100).0.0", text: text, lines: lines)
        text = ""
        lines = []
        status = nil
        return reply
    }
}
