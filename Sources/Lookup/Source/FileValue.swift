/// Values that name files (`postmap -F`): the table holds the base64 of the files' content.
public enum FileValue {
    /// The content of the files, a newline between them, in base64. Throws the text of Postfix's complaint.
    public static func encode(_ names: [UInt8]) throws(TableOpenError) -> [UInt8] {
        var content: [UInt8] = []
        let files = ListSyntax.words(names[...])
        if files.isEmpty { throw TableOpenError("empty pathname list: >>\(names.shown)<<'") }
        for (index, name) in files.enumerated() {
            let path = name.text
            do {
                if index > 0 { content.append(0x0A) }
                content.append(contentsOf: try TableFile.read(path))
            } catch {
                throw TableOpenError(error.text(name.shown))
            }
        }
        return base64(content)
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func base64(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count / 3 + 1) * 4)
        var index = 0
        while index < bytes.count {
            let group = bytes[index..<min(index + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for digit in 0..<4 {
                let used = digit <= group.count
                result.append(used ? digits[Int(bits >> UInt32(18 - 6 * digit) & 63)] : UInt8(ascii: "="))
            }
            index += 3
        }
        return result
    }

    /// The octets that base64 `text` stands for, or nil when it is not base64.
    public static func decode(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var result: [UInt8] = []
        var body = text[...]
        var padding = 0
        while padding < 2, body.last == UInt8(ascii: "=") {
            body.removeLast()
            padding += 1
        }
        var bits: UInt32 = 0
        var count = 0
        for byte in body {
            guard let digit = value(byte) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 1
            if count == 4 {
                result.append(contentsOf: [UInt8(bits >> 16 & 255), UInt8(bits >> 8 & 255), UInt8(bits & 255)])
                (bits, count) = (0, 0)
            }
        }
        if count == 1 { return nil }
        if count == 2 { result.append(UInt8(bits >> 4 & 255)) }
        if count == 3 { result.append(contentsOf: [UInt8(bits >> 10 & 255), UInt8(bits >> 2 & 255)]) }
        return result
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
