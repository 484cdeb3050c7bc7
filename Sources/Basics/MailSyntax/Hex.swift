/// Hexadecimal text.
public enum Hex {
    /// The value of one hexadecimal digit.
    public static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }

    private static let upper = Array("0123456789ABCDEF".utf8)

    /// The digit for the low four bits, upper case.
    public static func digit(_ value: UInt8) -> UInt8 { upper[Int(value & 15)] }

    /// Upper-case digits, two a byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var result: [UInt8] = []
        for byte in bytes {
            result.append(digit(byte >> 4))
            result.append(digit(byte))
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Nil for an odd count or another character.
    public static func decode(_ text: String) -> [UInt8]? {
        var result: [UInt8] = []
        var high: UInt8?
        for byte in text.utf8 {
            guard let digit = value(byte) else { return nil }
            if let first = high {
                result.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return high == nil ? result : nil
    }
}
