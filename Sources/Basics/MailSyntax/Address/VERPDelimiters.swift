/// The two characters of variable envelope return paths (VERP_README): `list+user=example.net@example.com`.
public struct VERPDelimiters: Hashable, Sendable {
    private let first: String
    private let second: String

    /// Nil unless `text` is two ASCII characters.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 2, bytes.allSatisfy({ ASCII.isPrintable($0) }) else { return nil }
        first = String(UnicodeScalar(bytes[0]))
        second = String(UnicodeScalar(bytes[1]))
    }

    /// The sender address that `recipient` sees, so that a bounce names it. Both in internal form; a recipient
    /// without a domain adds none.
    public func sender(_ sender: String, for recipient: String) -> String {
        let (local, domain) = EmailAddress.split(sender)
        let (user, host) = EmailAddress.split(recipient)
        var result = local + first + user
        if let host { result += second + host }
        if let domain { result += "@" + domain }
        return result
    }
}
