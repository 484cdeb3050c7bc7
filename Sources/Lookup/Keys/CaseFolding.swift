/// Folds lookup keys, so that case does not matter.
public enum CaseFolding {
    /// - Parameter utf8: fold all of Unicode, if `key` is valid UTF-8; otherwise A-Z only.
    public static func fold(_ key: [UInt8], utf8: Bool) -> [UInt8] {
        if utf8, key.contains(where: { $0 >= 0x80 }), let text = String(validating: key, as: UTF8.self) {
            return Array(fold(text).utf8)
        }
        return key.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    }

    /// Unicode full case folding (CaseFolding.txt, status C and F).
    public static func fold(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { fold(scalar, into: &result) }
        return String(result)
    }

    /// Upper case first joins what folds together (ς and σ, ß and ss); then lower case. A few scalars fold
    /// otherwise than this.
    private static func fold(_ scalar: Unicode.Scalar, into result: inout String.UnicodeScalarView) {
        switch scalar.value {
        case 0..<0x80:
            result.append(Unicode.Scalar(UInt8(scalar.value) &+ (isUpper(scalar) ? 0x20 : 0)))
        case 0x131, 0x13A0...0x13F5:  // dotless i; Cherokee capitals, which small letters fold to
            result.append(scalar)
        case 0x13F8...0x13FD, 0xAB70...0xABBF:
            result.append(contentsOf: scalar.properties.uppercaseMapping.unicodeScalars)
        default:
            for upper in scalar.properties.uppercaseMapping.unicodeScalars {
                result.append(contentsOf: upper.properties.lowercaseMapping.unicodeScalars)
            }
        }
    }

    private static func isUpper(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x41 && scalar.value <= 0x5A }
}
