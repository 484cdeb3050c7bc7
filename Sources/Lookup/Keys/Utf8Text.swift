/// Judges octets as text.
package enum Utf8Text {
    static func isValid(_ bytes: [UInt8]) -> Bool { isValid(bytes[...]) }

    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.withUnsafeBytes(isASCII) || String(validating: bytes, as: UTF8.self) != nil
    }

    static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var all: UInt64 = 0
        var index = 0
        while index + 8 <= bytes.count {
            all |= bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < bytes.count {
            all |= UInt64(bytes[index])
            index += 1
        }
        return all & 0x8080_8080_8080_8080 == 0
    }

    /// For messages: the text, or where it is no UTF-8 a question mark for each octet that is not ASCII.
    package static func shown(_ bytes: ArraySlice<UInt8>) -> String {
        String(validating: bytes, as: UTF8.self) ?? masked(Array(bytes))
    }

    package static func shown(_ bytes: [UInt8]) -> String { shown(bytes[...]) }

    /// For log lines: each octet that is not ASCII is a question mark.
    static func masked(_ bytes: [UInt8]) -> String {
        bytes.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }.text
    }
}

extension ArraySlice<UInt8> {
    /// For messages.
    var shown: String { Utf8Text.shown(self) }
}

extension [UInt8] {
    var shown: String { Utf8Text.shown(self[...]) }
}
