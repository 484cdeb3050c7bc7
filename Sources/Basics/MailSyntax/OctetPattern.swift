/// Filters of DNS block list sites (postconf(5), reject_rbl_client, postscreen_dnsbl_sites): `127.0.0.2`,
/// `127.0.[0..3].[1;4..6]`; the whole may stand in one more pair of brackets.
public struct OctetPattern: Hashable, Sendable, CustomStringConvertible {
    struct Octet: Hashable, Sendable {
        var ranges: [ClosedRange<UInt8>]
        /// Written in brackets.
        var isSet: Bool
    }

    private let octets: [Octet]

    /// What is wrong; the offending part is marked `>like this<`.
    public struct Problem: Error, Equatable, Sendable {
        public let reason: String

        public init(reason: String) { self.reason = reason }
    }

    public init(_ text: String) throws(Problem) {
        var reader = OctetPatternReader(try Self.withoutBrackets(Array(text.utf8)))
        octets = try reader.read()
    }

    /// False for IPv6.
    public func matches(_ address: IPAddress) -> Bool {
        guard address.isIPv4 else { return false }
        return zip(octets, address.bytes).allSatisfy { octet, byte in octet.ranges.contains { $0.contains(byte) } }
    }

    public var description: String {
        octets.map { octet in
            let ranges = octet.ranges.map {
                $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)..\($0.upperBound)"
            }
            return octet.isSet ? "[\(ranges.joined(separator: ";"))]" : ranges.joined()
        }.joined(separator: ".")
    }

    /// Takes off a pair of brackets around everything.
    private static func withoutBrackets(_ bytes: [UInt8]) throws(Problem) -> [UInt8] {
        guard bytes.first == 0x5B else { return bytes }
        var depth = 0
        for (index, byte) in bytes.enumerated() {
            if byte == 0x5B { depth += 1 }
            if byte == 0x5D { depth -= 1 }
            if depth == 0 { return index == bytes.count - 1 ? Array(bytes[1..<index]) : bytes }
        }
        throw Problem(reason: "missing \"]\" character")
    }
}

private struct OctetPatternReader {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func read() throws(OctetPattern.Problem) -> [OctetPattern.Octet] {
        var octets: [OctetPattern.Octet] = []
        while octets.count < 4 {
            if !octets.isEmpty {
                guard next == 0x2E else { throw problem("need \".\"") }
                index += 1
            }
            if next == 0x5B {
                octets.append(OctetPattern.Octet(ranges: try set(), isSet: true))
            } else {
                let value = try number("need decimal number 0..255 or \"[\"")
                octets.append(OctetPattern.Octet(ranges: [value...value], isSet: false))
            }
        }
        guard index == bytes.count else { throw problem("garbage after pattern") }
        return octets
    }

    private mutating func set() throws(OctetPattern.Problem) -> [ClosedRange<UInt8>] {
        index += 1
        var ranges: [ClosedRange<UInt8>] = []
        while true {
            let low = try number("need decimal number 0..255")
            var high = low
            if next == 0x2E {
                // One dot is taken for two.
                index += 1
                if next == 0x2E { index += 1 }
                let start = index
                high = try number("need decimal number 0..255")
                guard high >= low else { throw problem("numeric range error", at: start..<index) }
            }
            ranges.append(low...high)
            guard next == 0x3B || next == 0x5D else { throw problem("need \";\" or \"]\"") }
            index += 1
            if bytes[index - 1] == 0x5D { return ranges }
        }
    }

    private mutating func number(_ expectation: String) throws(OctetPattern.Problem) -> UInt8 {
        let digits = bytes[index...].prefix(while: ASCII.isDigit)
        guard !digits.isEmpty else { throw problem(expectation) }
        let range = index..<(index + digits.count)
        guard let value = ASCII.decimal(digits), let byte = UInt8(exactly: value) else {
            throw problem(expectation, at: range)
        }
        index = range.upperBound
        return byte
    }

    private func problem(_ what: String, at range: Range<Int>? = nil) -> OctetPattern.Problem {
        let range = range ?? index..<min(index + 1, bytes.count)
        func text(_ slice: ArraySlice<UInt8>) -> String { String(decoding: slice, as: UTF8.self) }
        return OctetPattern.Problem(
            reason: "\(what) at \"\(text(bytes[..<range.lowerBound]))>\(text(bytes[range]))<"
                + "\(text(bytes[range.upperBound...]))\"")
    }
}
