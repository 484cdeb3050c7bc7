/// Folds lookup keys, so that case does not matter.
public enum CaseFolding {
    /// - Parameter utf8: fold all of Unicode, if `key` is valid UTF-8; otherwise A-Z only.
    public static func fold(_ key: [UInt8], utf8: Bool) -> [UInt8] {
        if isFolded(key[...]) { return key }
        if utf8, !key.withUnsafeBytes(Utf8Text.isASCII), let text = String(validating: key, as: UTF8.self) {
            return Array(fold(text).utf8)
        }
        // One octet more, for the NUL that ends keys in many files.
        return [UInt8](unsafeUninitializedCapacity: key.count + 1) { folded, count in
            for byte in key {
                folded[count] = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
                count += 1
            }
        }
    }

    /// The slice itself where there is nothing to fold.
    public static func fold(_ key: ArraySlice<UInt8>, utf8: Bool) -> ArraySlice<UInt8> {
        isFolded(key) ? key : fold(Array(key), utf8: utf8)[...]
    }

    private static func isFolded(_ key: ArraySlice<UInt8>) -> Bool {
        key.withUnsafeBufferPointer { bytes in
            var changes: UInt8 = 0
            // Without a way out, so that many octets are looked at at once: capitals, and what is not ASCII.
            for byte in bytes { changes |= (byte &- 0x41 < 26 ? 1 : 0) | byte >> 7 }
            return changes == 0
        }
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
