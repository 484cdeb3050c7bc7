/// One SMTP reply: three digits, an optional enhanced status and one or more lines of text.
public struct SMTPReplyValue: Hashable, Sendable, CustomStringConvertible {
    public var code: Int
    /// `5.1.1`, or nil for a reply without enhanced status (EHLO, 220, 354 …).
    public var status: String?
    /// Text of each line, without code and status.
    public var lines: [String]

    public init(_ code: Int, _ status: String? = nil, _ text: String) {
        self.init(code: code, status: status, lines: [text])
    }

    public init(code: Int, status: String? = nil, lines: [String]) {
        self.code = code
        self.status = status
        self.lines = lines.isEmpty ? [""] : lines
    }

    /// 2xx or 3xx.
    public var isPositive: Bool { code < 400 }
    public var isTransient: Bool { (400..<500).contains(code) }
    public var isPermanent: Bool { code >= 500 }

    /// One line, `550 5.1.1 text`, as logs show it: lines are joined by blanks.
    public var description: String { Self.head(code, status, last: true) + lines.joined(separator: " ") }

    /// What goes over the wire, each line ended by CR LF.
    public var wireText: String {
        var result = ""
        for (index, line) in lines.enumerated() {
            result += Self.head(code, status, last: index == lines.count - 1) + line + "\r\n"
        }
        return result
    }

    private static func head(_ code: Int, _ status: String?, last: Bool) -> String {
        "\(code)\(last ? " " : "-")" + (status.map { $0 + " " } ?? "")
    }
}
