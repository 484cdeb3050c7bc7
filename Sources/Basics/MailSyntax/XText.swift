/// The xtext encoding of SMTP parameter values (RFC 3461 §4).
public enum XText {
    /// Encodes `+`, `=` and everything that is not printable ASCII as `+XX`.
    public static func encode(_ text: String) -> String {
        encode(text.utf8) { ASCII.isPrintable($0) && $0 != 0x20 && $0 != 0x2B && $0 != 0x3D }
    }

    /// As `encode`, but UTF-8 stays as it is (RFC 6533 `utf-8-addr-unitext`).
    public static func encodeUTF8(_ text: String) -> String {
        encode(text.utf8) { ($0 > 0x20 && $0 != 0x7F) && $0 != 0x2B && $0 != 0x3D }
    }

    private static func encode(_ bytes: some Sequence<UInt8>, keep: (UInt8) -> Bool) -> String {
        var result: [UInt8] = []
        for byte in bytes {
            if keep(byte) { result.append(byte) } else { result += [0x2B, Hex.digit(byte >> 4), Hex.digit(byte)] }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// `\x{E9}` in addresses of the type utf-8 (RFC 6533 §3 utf-8-addr-xtext). Nil for what is no such text.
    public static func decodeUTF8(_ text: String) -> String? {
        var result: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            guard rest.starts(with: "x{".utf8), let end = rest.firstIndex(of: UInt8(ascii: "}")),
                case let digits = rest.dropFirst(2).prefix(upTo: end), (1...6).contains(digits.count),
                let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
                let scalar = Unicode.Scalar(value), value >= 0x20, value != 0x7F
            else { return nil }
            result += Array(String(Character(scalar)).utf8)
            rest = rest[rest.index(after: end)...]
        }
        return String(validating: result, as: UTF8.self)
    }

    /// Nil when a `+` is not followed by two hexadecimal digits, or the result is not UTF-8.
    public static func decode(_ text: String) -> String? {
        var result: [UInt8] = []
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            guard byte == 0x2B else {
                result.append(byte)
                continue
            }
            guard let high = bytes.next().flatMap(Hex.value), let low = bytes.next().flatMap(Hex.value) else {
                return nil
            }
            result.append(high << 4 | low)
        }
        return String(validating: result, as: UTF8.self)
    }
}
