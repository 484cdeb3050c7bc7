import MailSystem

/// The name of a queue file: short (microseconds and inode in hexadecimal) or long (seconds, microseconds, inode; never
/// repeats). queuefile.md §9; postconf(5) enable_long_queue_ids.
public struct QueueID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let text: String

    /// Accepts any valid name: 1 to 255 letters, digits and underscores.
    public init?(_ text: String) {
        guard Self.isValid(text) else { return nil }
        self.text = text
    }

    /// The name of a new file.
    public init(time: MailTime, inode: UInt64, long: Bool) {
        let microseconds = UInt64(clamping: time.microseconds)
        if long {
            text =
                Self.digits(UInt64(clamping: time.seconds), base: 52, width: 6)
                + Self.digits(microseconds, base: 52, width: 4) + "z" + Self.digits(inode, base: 51, width: 0)
        } else {
            text = Self.shortMicroseconds(microseconds) + String(inode, radix: 16, uppercase: true)
        }
    }

    public static func isValid(_ text: String) -> Bool {
        let bytes = text.utf8
        return !bytes.isEmpty && bytes.count <= 255
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    public var description: String { text }

    public static func < (left: QueueID, right: QueueID) -> Bool { left.text < right.text }

    /// True when the last `z` stands at position 10 or later.
    public var isLong: Bool { separator != nil }

    private var separator: Int? {
        let bytes = Array(text.utf8)
        guard let index = bytes.lastIndex(of: UInt8(ascii: "z")), index >= 10 else { return nil }
        return index
    }

    /// The inode number in the name, or nil when there is none.
    public var inode: UInt64? {
        let bytes = Array(text.utf8)
        if let separator {
            return Self.value(bytes[(separator + 1)...], base: 51)
        }
        guard bytes.count > 5 else { return nil }
        return UInt64(String(decoding: bytes[5...], as: UTF8.self), radix: 16)
    }

    /// The names of the subdirectories that the file belongs in, outermost first.
    public func hashDirectories(depth: Int) -> [String] {
        guard depth > 0 else { return [] }
        var source = Array(text.utf8)
        if let separator,
            let microseconds = Self.value(source[(separator - 4)..<separator], base: 52)
        {
            source = Array(Self.shortMicroseconds(microseconds).utf8)
        }
        return (0..<depth).map { index in
            index < source.count ? String(UnicodeScalar(source[index])) : "_"
        }
    }

    /// `%05X`.
    private static func shortMicroseconds(_ value: UInt64) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
    }

    /// No vowels, so that no words appear.
    private static let alphabet = Array("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz".utf8)

    /// A number in base 2 to 52, padded with 0.
    package static func digits(_ value: UInt64, base: UInt64, width: Int) -> String {
        var reversed: [UInt8] = []
        var rest = value
        repeat {
            reversed.append(alphabet[Int(rest % base)])
            rest /= base
        } while rest > 0
        while reversed.count < width { reversed.append(UInt8(ascii: "0")) }
        return String(decoding: reversed.reversed(), as: UTF8.self)
    }

    static func value(_ digits: ArraySlice<UInt8>, base: UInt64) -> UInt64? {
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard let index = alphabet.firstIndex(of: digit), UInt64(index) < base else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: base)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(index))
            guard !tooLarge, !overflow else { return nil }
            value = sum
        }
        return value
    }
}

extension QueueID {
    /// The same time with another inode number, in the same form.
    public func replacing(inode: UInt64) -> QueueID? {
        let bytes = Array(text.utf8)
        if let separator {
            return QueueID(
                String(decoding: bytes[...separator], as: UTF8.self) + Self.digits(inode, base: 51, width: 0))
        }
        let time = bytes.prefix(5)
        let start = time.count == 5 ? String(decoding: time, as: UTF8.self) : "00000"
        return QueueID(start + String(inode, radix: 16, uppercase: true))
    }

    /// The short form, for this inode number.
    public func short(inode: UInt64) -> QueueID? {
        let start = hashDirectories(depth: 5).joined()
        return QueueID(start + String(inode, radix: 16, uppercase: true))
    }
}
