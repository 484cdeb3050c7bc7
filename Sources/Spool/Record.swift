/// One record of a queue file, where it stands, and what it holds.
public struct QueueRecord: Sendable, Equatable {
    public var type: RecordType
    public var payload: ArraySlice<UInt8>
    /// File offset of the type byte.
    public var offset: Int
    /// File offset of the byte after the record.
    public var nextOffset: Int

    public init(type: RecordType, payload: ArraySlice<UInt8>, offset: Int, nextOffset: Int) {
        self.type = type
        self.payload = payload
        self.offset = offset
        self.nextOffset = nextOffset
    }

    /// The payload as text; bytes that are not UTF-8 are replaced.
    public var text: String { String(decoding: payload, as: UTF8.self) }

    /// For an attribute record: name and value.
    public var attribute: (name: String, value: String)? {
        guard type == .attribute, let equals = payload.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        return (
            String(decoding: payload[payload.startIndex..<equals], as: UTF8.self),
            String(decoding: payload[(equals + 1)...], as: UTF8.self)
        )
    }

    /// For a pointer record: the target offset, 0 for no jump; nil when the payload is not a number.
    public var pointerTarget: Int? { RecordCodec.decimal(payload) }
}

/// The record encoding: type byte, base-128 length with the low bits first, payload (queuefile.md §1). Pure and total.
public enum RecordCodec {
    /// More than four length bytes are refused, as Postfix does.
    public static let maximumLength = (1 << 28) - 1
    /// Type byte and length bytes.
    public static let maximumHeaderSize = 5

    public struct Header: Sendable, Equatable {
        public var type: RecordType
        /// Payload bytes.
        public var length: Int
        /// Bytes of type and length.
        public var size: Int
    }

    public enum HeaderResult: Sendable, Equatable {
        case header(Header)
        /// The bytes end inside the header.
        case incomplete
        /// The length has too many bytes.
        case malformed
    }

    /// Reads type and length at the start of `bytes`.
    public static func header(_ bytes: UnsafeRawBufferPointer) -> HeaderResult {
        guard let type = bytes.first else { return .incomplete }
        var length = 0
        var shift = 0
        var index = 1
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            length |= Int(byte & 0x7f) << shift
            if byte & 0x80 == 0 {
                return .header(Header(type: RecordType(rawValue: type), length: length, size: index))
            }
            shift += 7
            if shift + 7 >= 32 { return .malformed }
        }
        return .incomplete
    }

    public static func header(_ bytes: some Collection<UInt8>) -> HeaderResult {
        Array(bytes.prefix(maximumHeaderSize)).withUnsafeBytes { header($0) }
    }

    /// Appends a record. A payload above `maximumLength` is cut; callers split lines long before that.
    public static func append(_ type: RecordType, _ payload: some Collection<UInt8>, to bytes: inout [UInt8]) {
        let length = Swift.min(payload.count, maximumLength)
        bytes.append(type.rawValue)
        appendLength(length, to: &bytes)
        bytes.append(contentsOf: payload.prefix(length))
    }

    public static func append(_ type: RecordType, _ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { append(type, UnsafeRawBufferPointer($0), to: &bytes) }
    }

    public static func append(_ type: RecordType, _ payload: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        let length = Swift.min(payload.count, maximumLength)
        bytes.append(type.rawValue)
        appendLength(length, to: &bytes)
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: payload.prefix(length)))
    }

    private static func appendLength(_ length: Int, to bytes: inout [UInt8]) {
        var rest = length
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    public static func encode(_ type: RecordType, _ payload: some Collection<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        append(type, payload, to: &bytes)
        return bytes
    }

    /// Bytes that a record with this payload takes in a file.
    public static func encodedSize(payload length: Int) -> Int {
        let lengthBytes = length < 1 << 7 ? 1 : length < 1 << 14 ? 2 : length < 1 << 21 ? 3 : 4
        return 1 + lengthBytes + length
    }

    /// A number right-justified to 15 columns, as `C`, `W` and `p` records hold it.
    public static func column15(_ value: Int) -> String {
        let digits = String(value)
        return String(repeating: " ", count: Swift.max(0, 15 - digits.utf8.count)) + digits
    }

    /// A decimal number with blanks around it; nil for anything else and for overflow.
    public static func decimal(_ bytes: some Collection<UInt8>) -> Int? {
        var value = 0
        var negative = false
        var digits = 0
        var ended = false
        for byte in bytes {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), 0:
                if digits > 0 || negative { ended = true }
            case UInt8(ascii: "-") where digits == 0 && !negative && !ended:
                negative = true
            case UInt8(ascii: "0")...UInt8(ascii: "9") where !ended:
                let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
                let (sum, overflow) = product.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
                guard !tooLarge, !overflow else { return nil }
                value = sum
                digits += 1
            default:
                return nil
            }
        }
        guard digits > 0 else { return nil }
        return negative ? -value : value
    }
}
