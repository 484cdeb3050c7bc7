/// Why a text is no network address, in the words of Postfix's warnings.
public enum HostAddressText {
    /// - Returns: nil for what passes; IPv6 text is judged by its shape only.
    public static func problem(_ text: String) -> String? {
        if text.isEmpty { return "valid_hostaddr: empty address" }
        return text.utf8.contains(0x3A) ? ipv6Problem(text) : ipv4Problem(text)
    }

    /// Four octets joined by dots; a first octet of 0 only in 0.0.0.0.
    static func ipv4Problem(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        func report(_ what: String) -> String { "valid_ipv4_hostaddr: \(what): \(HostName.shown(text))" }
        var count = 0
        var octet: Int?
        for (index, byte) in bytes.enumerated() {
            if ASCII.isDigit(byte) {
                if octet == nil { count += 1 }
                let value = (octet ?? 0) * 10 + Int(byte - 0x30)
                if value > 255 { return report("invalid octet value") }
                octet = value
            } else if byte == 0x2E {
                guard let value = octet, index < bytes.count - 1 else { return report("misplaced dot") }
                if count == 1, value == 0, !bytes.allSatisfy({ $0 == 0x30 || $0 == 0x2E }) {
                    return report("bad initial octet value")
                }
                octet = nil
            } else {
                return report("invalid character \(byte)(decimal)")
            }
        }
        return count == 4 ? nil : report("invalid octet count")
    }

    /// Up to eight groups of hexadecimal digits, at most one `::`, perhaps an IPv4 address at the end.
    static func ipv6Problem(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        func report(_ what: String) -> String {
            "valid_ipv6_hostaddr: \(what) in IPv6 address: \(HostName.shown(text))"
        }
        let malformed = "valid_ipv6_hostaddr: malformed IPv6 address: \(HostName.shown(text))"
        var colons = 0
        var gap: Int?
        var group = 0..<0
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case 0x2E:
                guard (2...6).contains(colons) else {
                    return "valid_ipv6_hostaddr: malformed IPv4-in-IPv6 address: \(HostName.shown(text))"
                }
                return ipv4Problem(String(decoding: bytes[group.lowerBound...], as: UTF8.self))
            case 0x3A:
                let next = index + 1 < bytes.count ? bytes[index + 1] : 0
                if index == 0, ASCII.isAlphanumeric(next) { return report("bad null first field") }
                colons += 1
                if colons > 7 { return report("too many `:'") }
                index += 1
                group = index..<index
                if next == 0x3A {
                    if gap != nil { return report("too many `::'") }
                    gap = colons
                }
            default:
                let length = bytes[index...].prefix { Hex.value($0) != nil }.count
                if length == 0 { return report("invalid character \(bytes[index])(decimal)") }
                if length > 4 { return malformed }
                group = index..<(index + length)
                index += length
            }
        }
        if colons < 2 { return report("too few `:'") }
        if group.isEmpty, gap != colons - 1 { return report("bad null last field") }
        return nil
    }
}
