/// An address block as mynetworks and cidr tables write it: `10.0.0.0/8`, `[2001:db8::]/32`, `2001:db8::/32`, or a
/// single address.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    public let base: IPAddress
    /// Leading bits that count, 0...32 or 0...128.
    public let prefixLength: Int

    /// Why a pattern was refused, in the words of Postfix's warnings.
    public enum Problem: Error, Equatable, Sendable, CustomStringConvertible {
        case malformed(String)
        case hostBits(pattern: String, suggestion: String)

        public var description: String {
            switch self {
            case .malformed(let pattern): "bad net/mask pattern: \"\(pattern)\""
            case .hostBits(let pattern, let suggestion):
                "non-null host address bits in \"\(pattern)\", perhaps you should use \"\(suggestion)\" instead"
            }
        }
    }

    public init?(_ text: String) {
        guard let network = try? IPNetwork(parsing: text) else { return nil }
        self = network
    }

    public init(base: IPAddress, prefixLength: Int) {
        let bits = min(max(prefixLength, 0), base.bytes.count * 8)
        self.base = Self.masked(base, bits)
        self.prefixLength = bits
    }

    public init(parsing text: String) throws(Problem) {
        var address = text
        var mask: String?
        // A mask follows the last slash; an address has none.
        if let slash = text.utf8.lastIndex(of: 0x2F) {
            address = String(text[..<slash])
            mask = String(text[text.utf8.index(after: slash)...])
        }
        if address.utf8.first == 0x5B, address.utf8.last == 0x5D {
            address = String(decoding: address.utf8.dropFirst().dropLast(), as: UTF8.self)
        }
        guard let parsed = IPAddress(address) else { throw .malformed(text) }
        let bits = parsed.bytes.count * 8
        var length = bits
        if let mask {
            guard let value = ASCII.decimal(mask.utf8), value <= bits else { throw .malformed(text) }
            length = value
        }
        let network = Self.masked(parsed, length)
        guard network == parsed else {
            let brackets = text.utf8.first == 0x5B
            let suggestion = brackets ? "[\(network)]/\(length)" : "\(network)/\(length)"
            throw .hostBits(pattern: text, suggestion: suggestion)
        }
        base = parsed
        prefixLength = length
    }

    /// False for an address of the other family.
    public func contains(_ address: IPAddress) -> Bool {
        let left = base.bytes
        let right = address.bytes
        guard left.count == right.count else { return false }
        let whole = prefixLength / 8
        guard left[..<whole] == right[..<whole] else { return false }
        let rest = prefixLength % 8
        guard rest > 0 else { return true }
        let shift = 8 - rest
        return left[whole] >> shift == right[whole] >> shift
    }

    public var description: String { "\(base)/\(prefixLength)" }

    private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
        var bytes = address.bytes
        for index in bytes.indices {
            let keep = min(max(length - index * 8, 0), 8)
            bytes[index] &= keep == 0 ? 0 : UInt8(truncatingIfNeeded: 0xFF << (8 - keep))
        }
        return IPAddress(bytes: bytes) ?? address
    }
}
