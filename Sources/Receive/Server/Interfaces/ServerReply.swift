/// One reply of the SMTP server: a code, an enhanced status code (RFC 2034) and text of one or more lines.
public struct ServerReply: Sendable, Equatable {
    /// 200 ... 599
    public var code: Int
    /// `5.7.1`, or nil for replies that carry none (220, 354, ETRN, EHLO).
    public var status: String?
    /// One entry a line, without code, status and line end.
    public var lines: [String]

    public init(_ code: Int, _ status: String?, _ text: String) {
        self.code = code
        self.status = status
        lines = [text]
    }

    public init(_ code: Int, lines: [String]) {
        self.code = code
        status = nil
        self.lines = lines
    }

    /// Reads `550 5.7.1 text`, as reply templates and access tables have it; nil without a three-digit code.
    public init?(parsing text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 3, bytes[..<3].allSatisfy({ (48...57).contains($0) }) else { return nil }
        code = bytes[..<3].reduce(0) { $0 * 10 + Int($1 - 48) }
        guard (200...599).contains(code) else { return nil }
        var rest = bytes[3...].drop { $0 == 32 || $0 == 45 }
        let word = rest.prefix { $0 != 32 }
        let digits = word.split(separator: 46, omittingEmptySubsequences: false)
        let isStatus =
            digits.count == 3
            && digits.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy { (48...57).contains($0) } }
            && [50, 52, 53].contains(word.first ?? 0)
        if isStatus {
            status = String(decoding: word, as: UTF8.self)
            rest = rest.dropFirst(word.count).drop { $0 == 32 }
        } else {
            status = nil
        }
        lines = [String(decoding: rest, as: UTF8.self)]
    }

    /// True for 4xx and 5xx.
    public var isRejection: Bool { code >= 400 }
    public var isPermanent: Bool { code >= 500 }

    /// `550 5.7.1 text`: what log lines quote.
    public var text: String { prefix(" ") + (lines.first ?? "") }

    /// The lines for the wire, each ended by CR LF and by nothing before.
    public var wire: String {
        var result = ""
        for (index, line) in lines.enumerated() {
            result += prefix(index + 1 < lines.count ? "-" : " ")
            result += line.utf8.contains(where: Self.endsLines) ? Self.onOneLine(line) : line
            result += "\r\n"
        }
        return result
    }

    /// The same refusal as a temporary one, for soft_bounce: the first digits of code and status become 4.
    public var softened: ServerReply {
        guard code >= 500, code <= 599 else { return self }
        var copy = self
        copy.code -= 100
        if let status, status.utf8.first == 53 { copy.status = "4" + status.dropFirst() }
        return copy
    }

    /// What a reply quotes of a command may hold a CR.
    private static func onOneLine(_ line: String) -> String {
        String(decoding: line.utf8.map { endsLines($0) ? 0x20 : $0 }, as: UTF8.self)
    }

    private static func endsLines(_ byte: UInt8) -> Bool { byte == 0x0D || byte == 0x0A }

    private func prefix(_ separator: String) -> String {
        guard let status else { return "\(code)\(separator)" }
        return "\(code)\(separator)\(status) "
    }
}
