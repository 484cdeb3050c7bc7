/// `\t`, `\\`, `\40` as in smtpd_expansion_filter.
public enum EscapedText {
    public static func decode(_ text: String) -> [UInt8] { decode(Array(text.utf8)) }

    public static func decode(_ text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let next = rest.first else {
                output.append(byte)
                continue
            }
            if (0x30...0x37).contains(next) {
                let digits = rest.prefix(3).prefix { (0x30...0x37).contains($0) }
                output.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }))
                rest = rest.dropFirst(digits.count)
                continue
            }
            rest.removeFirst()
            switch next {
            case UInt8(ascii: "a"): output.append(7)
            case UInt8(ascii: "b"): output.append(8)
            case UInt8(ascii: "f"): output.append(12)
            case UInt8(ascii: "n"): output.append(10)
            case UInt8(ascii: "r"): output.append(13)
            case UInt8(ascii: "t"): output.append(9)
            case UInt8(ascii: "v"): output.append(11)
            default: output.append(next)
            }
        }
        return output
    }
}
