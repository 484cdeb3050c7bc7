/// Reads the path of MAIL FROM and RCPT TO (RFC 5321 §4.1.2), as leniently as Postfix.
public enum SMTPPath {
    /// - Parameters:
    ///   - token: the path as typed, with or without `<>`.
    ///   - strict: strict_rfc821_envelopes: `<>` required, no comments, no phrases.
    /// - Returns: internal form, empty for the null path; nil when it is not one address. Whether the domain is
    ///   usable, and whether an empty address is allowed, is the caller's question.
    public static func address(_ token: SMTPToken, strict: Bool = false) -> String? {
        guard token.isWellFormed else { return nil }
        var bytes = Array(token.text.utf8)[...]
        let isBracketed = bytes.count >= 2 && bytes.first == 0x3C && bytes.last == 0x3E
        if isBracketed { bytes = bytes.dropFirst().dropLast() } else if strict { return nil }
        // A source route (appendix C) is dropped: `@a,@b:user@c` is `user@c`.
        if bytes.first == 0x40, let colon = bytes.firstIndex(of: 0x3A) { bytes = bytes[(colon + 1)...] }
        var found: String?
        for element in AddressListParser.parse(bytes) {
            switch element {
            case .address(let tokens):
                guard found == nil else { return nil }
                found = AddressText.internalForm(tokens)
            case .comment where !strict: break
            default: if strict { return nil }
            }
        }
        return found ?? ""
    }
}
