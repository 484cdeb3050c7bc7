/// Netstrings: `5:hello,`, as QMQP, socketmap and Dovecot dictionaries use them.
public enum NetString {
    public enum Decoded: Equatable, Sendable {
        case complete(payload: [UInt8], consumed: Int)
        case incomplete
        /// Not a netstring, or longer than the limit.
        case malformed
    }

    public static func encode(_ payload: [UInt8]) -> [UInt8] {
        Array("\(payload.count):".utf8) + payload + [0x2C]
    }

    /// Reads one netstring from the start of `bytes`.
    public static func decode(_ bytes: some RandomAccessCollection<UInt8>, limit: Int) -> Decoded {
        let maximumDigits = 10
        guard let colon = bytes.prefix(maximumDigits + 1).firstIndex(of: 0x3A) else {
            return bytes.count <= maximumDigits && bytes.allSatisfy(ASCII.isDigit) ? .incomplete : .malformed
        }
        let digits = bytes[..<colon]
        guard let length = ASCII.decimal(digits), length <= limit else { return .malformed }
        let header = digits.count + 1
        guard bytes.count - header > length else { return .incomplete }
        let start = bytes.index(after: colon)
        let end = bytes.index(start, offsetBy: length)
        guard bytes[end] == 0x2C else { return .malformed }
        return .complete(payload: Array(bytes[start..<end]), consumed: header + length + 1)
    }
}
