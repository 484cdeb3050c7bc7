/// Domain names in DNS wire form (RFC 1035 §3.1), uncompressed, as libunbound hands them out.
enum DomainName {
    /// Reads one name at `offset` and moves past it. Nil when it is cut off, longer than 255 bytes, or holds a byte that
    /// can't stand in a mail domain (a dot inside a label, blanks, control or non-ASCII characters).
    /// The root is the empty string.
    static func parse(_ bytes: [UInt8], at offset: inout Int) -> String? {
        var text: [UInt8] = []
        while offset < bytes.count {
            let length = Int(bytes[offset])
            offset += 1
            if length == 0 { return String(decoding: text, as: UTF8.self) }
            guard length < 64, bytes.count - offset >= length else { return nil }
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            for byte in bytes[offset..<offset + length] {
                guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: ".") else { return nil }
                text.append(byte)
            }
            offset += length
            guard text.count <= 255 else { return nil }
        }
        return nil
    }
}
