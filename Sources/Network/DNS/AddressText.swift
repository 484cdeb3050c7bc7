import Glibc
import MailSyntax

/// Addresses as text and as reverse look-up names.
enum AddressText {
    static func parse(_ text: String) -> IPAddress? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET6, text, &bytes) == 1 { return IPAddress(bytes: bytes) }
        if inet_pton(AF_INET, text, &bytes) == 1 { return IPAddress(bytes: Array(bytes[..<4])) }
        return nil
    }

    static func text(_ address: IPAddress) -> String {
        var text = [CChar](repeating: 0, count: 64)
        let family = address.isIPv4 ? AF_INET : AF_INET6
        guard inet_ntop(family, address.bytes, &text, socklen_t(text.count)) != nil else { return "unknown" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `1.2.0.192.in-addr.arpa`, RFC 1035 §3.5; `….ip6.arpa`, RFC 3596 §2.5.
    static func reverseName(_ address: IPAddress) -> String {
        if address.isIPv4 {
            return address.bytes.reversed().map { String($0) }.joined(separator: ".") + ".in-addr.arpa"
        }
        let digits = address.bytes.reversed().flatMap { [$0 & 15, $0 >> 4] }
        return digits.map { String($0, radix: 16) }.joined(separator: ".") + ".ip6.arpa"
    }
}
