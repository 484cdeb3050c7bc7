/// JSON as Postfix's commands print it (`-j`).
public enum JSONText {
    /// `{"key": "value"}`
    public static func object(_ key: [UInt8], _ value: [UInt8]) -> String { "{\(string(key)): \(string(value))}" }

    public static func string(_ text: String) -> String { string(Array(text.utf8)) }

    public static func string(_ bytes: [UInt8]) -> String {
        var result = "\""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{8}": result += "\\b"
            case "\u{C}": result += "\\f"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..<" ", "\u{7F}":
                let digits = String(scalar.value, radix: 16, uppercase: true)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
