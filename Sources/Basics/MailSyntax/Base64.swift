/// Base 64 (RFC 4648 §4), as SASL exchanges use it.
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (index, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(index) }
        return table
    }()

    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var result: [UInt8] = []
        var pending: UInt32 = 0
        var count = 0
        func digit(_ shift: UInt32) -> UInt8 { alphabet[Int(pending >> shift & 63)] }
        for byte in bytes {
            pending = pending << 8 | UInt32(byte)
            count += 1
            if count == 3 {
                result += [digit(18), digit(12), digit(6), digit(0)]
                pending = 0
                count = 0
            }
        }
        if count == 1 {
            pending <<= 16
            result += [digit(18), digit(12), 0x3D, 0x3D]
        } else if count == 2 {
            pending <<= 8
            result += [digit(18), digit(12), digit(6), 0x3D]
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Strict: padding must be present and final, no white space, no left-over bits. Nil for anything else.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).filter { $0 == 0x3D }.count
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 4 * 3)
        var pending: UInt32 = 0
        var digits = 0
        for byte in text.dropLast(padding) {
            let value = values[Int(byte)]
            guard value < 64 else { return nil }
            pending = pending << 6 | UInt32(value)
            digits += 1
            if digits == 4 {
                result += [UInt8(pending >> 16 & 255), UInt8(pending >> 8 & 255), UInt8(pending & 255)]
                pending = 0
                digits = 0
            }
        }
        switch digits {
        case 0: return padding == 0 ? result : nil
        case 2:
            guard padding == 2, pending & 15 == 0 else { return nil }
            result.append(UInt8(pending >> 4 & 255))
        case 3:
            guard padding == 1, pending & 3 == 0 else { return nil }
            result += [UInt8(pending >> 10 & 255), UInt8(pending >> 2 & 255)]
        default: return nil
        }
        return result
    }

    public static func decode(_ text: String) -> [UInt8]? { decode(text.utf8) }
}
