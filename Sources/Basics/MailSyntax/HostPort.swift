/// `host:port`, `[host]:port`, `host`, `[host]`, `[ipv6:address]:port`: next hops and server names of main.cf.
public struct HostPort: Hashable, Sendable {
    /// Without brackets; empty when the text has none.
    public let host: String
    /// Number or service name; nil when the text has none.
    public let port: String?
    /// The host stood in `[ ]`: no MX lookup.
    public let isBracketed: Bool

    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        var rest = bytes[...]
        if bytes.first == 0x5B {
            guard let close = bytes.firstIndex(of: 0x5D) else { return nil }
            var inside = bytes[1..<close]
            if inside.count > 5, ASCII.equalIgnoringCase(inside.prefix(5), "ipv6:".utf8) {
                inside = inside.dropFirst(5)
            }
            host = String(decoding: inside, as: UTF8.self)
            isBracketed = true
            rest = bytes[(close + 1)...]
            guard rest.isEmpty || rest.first == 0x3A else { return nil }
        } else {
            isBracketed = false
            let colons = bytes.filter { $0 == 0x3A }.count
            // More than one colon without brackets is an IPv6 address.
            let end = colons == 1 ? bytes.firstIndex(of: 0x3A) ?? bytes.count : bytes.count
            host = String(decoding: bytes[..<end], as: UTF8.self)
            rest = bytes[end...]
        }
        let tail = rest.dropFirst()
        port = tail.isEmpty ? nil : String(decoding: tail, as: UTF8.self)
    }
}
