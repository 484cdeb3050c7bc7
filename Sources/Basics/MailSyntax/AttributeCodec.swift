/// Postfix's attribute lists on sockets: policy requests and showq replies, among others.
///
/// Two forms: NUL (`name NUL value NUL … NUL`) and plain (`name=value LF … LF`).
public enum AttributeCodec {
    public struct Attribute: Hashable, Sendable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public enum Form: Sendable { case null, plain }

    public enum Decoded: Equatable, Sendable {
        /// A whole list and the bytes it took, its end mark included.
        case complete([Attribute], consumed: Int)
        case incomplete
        case malformed
    }

    /// NUL in a name or value, and LF in the plain form, would end it early: they become `?`.
    public static func encode(_ attributes: [Attribute], as form: Form) -> [UInt8] {
        var result: [UInt8] = []
        let (between, end): (UInt8, UInt8) = form == .null ? (0, 0) : (0x3D, 0x0A)
        for attribute in attributes {
            append(attribute.name, to: &result, form)
            result.append(between)
            append(attribute.value, to: &result, form)
            result.append(end)
        }
        result.append(end)
        return result
    }

    private static func append(_ text: String, to result: inout [UInt8], _ form: Form) {
        for byte in text.utf8 {
            result.append(byte == 0 || (form == .plain && byte == 0x0A) ? 0x3F : byte)
        }
    }

    /// Reads one list from the start of `bytes`. Text that is not UTF-8 is repaired.
    /// - Parameter limit: the largest list accepted, in bytes.
    public static func decode(_ bytes: [UInt8], as form: Form, limit: Int = 1 << 20) -> Decoded {
        var attributes: [Attribute] = []
        var index = 0
        func field() -> ArraySlice<UInt8>? {
            let separator: UInt8 = form == .null ? 0 : 0x0A
            guard let end = bytes[index...].firstIndex(of: separator) else { return nil }
            defer { index = end + 1 }
            return bytes[index..<end]
        }
        while let first = field() {
            if index > limit { return .malformed }
            if first.isEmpty { return .complete(attributes, consumed: index) }
            if form == .null {
                guard let value = field() else { break }
                attributes.append(
                    Attribute(String(decoding: first, as: UTF8.self), String(decoding: value, as: UTF8.self)))
            } else {
                guard let equals = first.firstIndex(of: 0x3D), equals > first.startIndex else { return .malformed }
                attributes.append(
                    Attribute(
                        String(decoding: first[..<equals], as: UTF8.self),
                        String(decoding: first[(equals + 1)...], as: UTF8.self)))
            }
        }
        return bytes.count > limit ? .malformed : .incomplete
    }
}
