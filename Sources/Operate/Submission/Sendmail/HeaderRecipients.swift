import MailSyntax

/// Follows the header of a message line by line and collects the recipients of To, Cc and Bcc, or of their Resent-
/// forms when there are any (`sendmail -t`). Pure.
struct HeaderRecipients {
    enum Step: Equatable {
        case header
        /// The empty line after the header.
        case separator
        /// The body starts without an empty line.
        case bodyWithoutSeparator
    }

    private let limit: Int
    private var current: [UInt8] = []
    private var collecting = false
    private var isResent = false
    private var started = false
    private var recipients: [String] = []
    private var resentRecipients: [String] = []
    private var sawResent = false

    /// - Parameter limit: bytes of one header that are looked at (header_size_limit).
    init(limit: Int) { self.limit = limit }

    /// One physical line, without its end.
    mutating func take(_ line: [UInt8]) -> Step {
        guard let first = line.first else {
            finishHeader()
            return .separator
        }
        if started, first == 0x20 || first == 0x09 {
            append(line)
            return .header
        }
        guard let colon = Self.headerName(line) else {
            finishHeader()
            return .bodyWithoutSeparator
        }
        finishHeader()
        started = true
        start(String(decoding: line[..<colon.nameEnd], as: UTF8.self), Array(line[(colon.colon + 1)...]))
        return .header
    }

    /// Where the name ends, and where its colon stands; nil when the line is no header.
    static func headerName(_ line: [UInt8]) -> (nameEnd: Int, colon: Int)? {
        guard let end = line.firstIndex(where: { $0 <= 0x20 || $0 >= 0x7f || $0 == UInt8(ascii: ":") }), end > 0,
            let colon = line[end...].firstIndex(where: { $0 != 0x20 && $0 != 0x09 }),
            line[colon] == UInt8(ascii: ":")
        else { return nil }
        return (end, colon)
    }

    private mutating func start(_ name: String, _ value: [UInt8]) {
        let lower = ASCII.lowercased(name)
        switch lower {
        case "to", "cc", "bcc":
            collecting = true
            isResent = false
        case "resent-to", "resent-cc", "resent-bcc":
            collecting = true
            isResent = true
            sawResent = true
        default:
            if lower.hasPrefix("resent-") { sawResent = true }
            collecting = false
        }
        append(value)
    }

    private mutating func append(_ bytes: [UInt8]) {
        guard collecting, current.count < limit else { return }
        current += bytes.prefix(limit - current.count)
        current.append(0x0a)
    }

    private mutating func finishHeader() {
        if collecting {
            // `""` is nobody.
            let found = AddressListParser.addresses(current).filter { !$0.isEmpty }
            if isResent { resentRecipients += found } else { recipients += found }
        }
        current = []
        collecting = false
    }

    /// The recipients, after the header has ended.
    mutating func finish() -> [String] {
        finishHeader()
        return sawResent ? resentRecipients : recipients
    }
}
