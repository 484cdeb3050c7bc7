/// An RFC 3463 enhanced status code: class 2, 4 or 5, subject and detail.
public struct EnhancedStatus: Hashable, Sendable, CustomStringConvertible {
    public let statusClass: Int
    public let subject: Int
    public let detail: Int

    public init?(statusClass: Int, subject: Int, detail: Int) {
        guard [2, 4, 5].contains(statusClass), (0...999).contains(subject), (0...999).contains(detail) else {
            return nil
        }
        self.statusClass = statusClass
        self.subject = subject
        self.detail = detail
    }

    /// Reads the status at the start of `text`; it must be followed by white space or the end.
    public init?(parsing text: String) {
        self.init(prefixOf: text)
    }

    /// The same for a text that is nothing but a status.
    public init?(_ text: String) {
        guard let (status, length) = Self.scan(text.utf8), length == text.utf8.count else { return nil }
        self = status
    }

    private init?(prefixOf text: String) {
        guard let (status, _) = Self.scan(text.utf8) else { return nil }
        self = status
    }

    /// Splits `5.1.1 no such user` into status and text; white space between them goes. Nil without a status.
    public static func split(_ text: String) -> (status: EnhancedStatus, text: String)? {
        guard let (status, length) = scan(text.utf8) else { return nil }
        let rest = text.utf8.dropFirst(length).drop(while: ASCII.isSpace)
        return (status, String(decoding: rest, as: UTF8.self))
    }

    /// The same subject and detail in another class, as soft_bounce and reject_code changes need it.
    public func withClass(_ statusClass: Int) -> EnhancedStatus {
        EnhancedStatus(statusClass: statusClass, subject: subject, detail: detail) ?? self
    }

    public var description: String { "\(statusClass).\(subject).\(detail)" }

    private static func scan(_ bytes: some Collection<UInt8>) -> (EnhancedStatus, Int)? {
        let head = bytes.prefix(while: { !ASCII.isSpace($0) })
        guard head.count >= 5, head.count <= 9 else { return nil }
        let parts = head.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count == 1, parts[1].count <= 3, parts[2].count <= 3,
            let first = ASCII.decimal(parts[0]), let second = ASCII.decimal(parts[1]),
            let third = ASCII.decimal(parts[2]),
            let status = EnhancedStatus(statusClass: first, subject: second, detail: third)
        else { return nil }
        return (status, head.count)
    }
}
