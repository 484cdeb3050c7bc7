/// What Postfix accepts as a host name or as an address literal.
public enum HostName {
    static let maximumLength = 255
    static let maximumLabelLength = 63

    /// Letters, digits, `_` and `-` in labels of 1 to 63 characters, no label that starts or ends with `-`, at most
    /// 255 characters, and not only digits. Non-ASCII names must be converted to A-labels first.
    public static func isValid(_ name: String) -> Bool { problem(name) == nil }

    /// `.` and a trailing dot are not valid host names; DNS lookups strip one first.
    /// - Returns: what is wrong, nil for a valid name.
    public static func problem(_ name: String, allowWildcard: Bool = false) -> String? {
        let bytes = name.utf8
        if bytes.isEmpty { return "empty hostname" }
        let wildcard = "'*' can be the first label only"
        var labelLength = 0
        var labelCount = 0
        var previous: UInt8 = 0x2E
        var nonNumeric = false
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case _ where ASCII.isAlphanumeric(byte) || byte == 0x5F:
                if labelLength == 0 { labelCount += 1 }
                labelLength += 1
                if labelLength > maximumLabelLength { return "hostname label too long" }
                if !ASCII.isDigit(byte) { nonNumeric = true }
            case 0x2A where allowWildcard:
                if index > 0 { return wildcard }
                labelCount += 1
                labelLength += 1
                nonNumeric = true
            case 0x2E:
                if previous == 0x2E || index == bytes.count - 1 { return "misplaced delimiter" }
                if previous == 0x2D { return "misplaced hyphen" }
                labelLength = 0
            case 0x2D:
                if previous == 0x2E || index == bytes.count - 1 { return "misplaced hyphen" }
                labelLength += 1
                if labelLength > maximumLabelLength { return "hostname label too long" }
                nonNumeric = true
            default:
                return "invalid character \(byte)(decimal)"
            }
            if previous == 0x2A, byte != 0x2E { return wildcard }
            previous = byte
        }
        if previous == 0x2A { return wildcard }
        if !nonNumeric { return "numeric hostname" }
        if bytes.count > maximumLength { return "bad length \(bytes.count)" }
        return nil
    }

    /// `problem` as Postfix logs it: `valid_hostname: misplaced hyphen: a-.example`.
    public static func warning(_ name: String, allowWildcard: Bool = false) -> String? {
        guard let problem = problem(name, allowWildcard: allowWildcard) else { return nil }
        let text =
            name.isEmpty ? problem : "\(problem)\(problem.hasPrefix("bad length") ? " for " : ": ")\(shown(name))"
        return "valid_hostname: \(text)\(problem.hasPrefix("bad length") ? "..." : "")"
    }

    /// Log lines show the start of what a peer sent.
    static func shown(_ text: String) -> String { String(decoding: text.utf8.prefix(100), as: UTF8.self) }

    /// An IPv4 or IPv6 address without brackets; 0.x.x.x only as 0.0.0.0.
    public static func isValidAddress(_ text: String) -> Bool {
        guard let address = IPAddress(text) else { return false }
        return !address.isIPv4 || address.bytes[0] != 0 || address.bytes.allSatisfy { $0 == 0 }
    }

    /// The inside of an address literal: `192.0.2.1` or `IPv6:2001:db8::1`.
    public static func isValidMailAddressLiteral(_ inside: String) -> Bool {
        if ASCII.hasPrefixIgnoringCase(inside, "ipv6:") {
            return IPAddress(String(decoding: inside.utf8.dropFirst(5), as: UTF8.self)).map { !$0.isIPv4 } ?? false
        }
        return IPAddress(inside).map { $0.isIPv4 } ?? false && isValidAddress(inside)
    }

    /// `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
    public static func isValidLiteral(_ text: String) -> Bool {
        guard text.utf8.count > 2, text.utf8.first == 0x5B, text.utf8.last == 0x5D else { return false }
        return isValidMailAddressLiteral(String(decoding: text.utf8.dropFirst().dropLast(), as: UTF8.self))
    }
}
