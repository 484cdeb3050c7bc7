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
/// replies are bounded: what is beyond the bounds is read and dropped.
struct ReplyParser: Sendable {
    static let maximumLine = 2048
    static let maximumReply = 20_000

    private var line: [UInt8] = []
    private var lines: [String] = []
    private var text = ""
    private var status: String?

    /// Replies that `bytes` complete.
    mutating func consume(_ bytes: some Sequence<UInt8>) -> [ServerReply] {
        var replies: [ServerReply] = []
        for byte in bytes {
            if byte == 0x0A {
                if let reply = endLine() { replies.append(reply) }
            } else if line.count < Self.maximumLine {
                line.append(byte)
            }
        }
        return replies
    }

    private mutating func endLine() -> ServerReply? {
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
        }
        guard isLast else { return nil }
        let reply = ServerReply(code: code, status: status ?? "\(code / 100).0.0", text: text, lines: lines)
        text = ""
        lines = []
        status = nil
        return reply
    }
}
