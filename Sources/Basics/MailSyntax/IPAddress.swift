/// An IPv4 or IPv6 address.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16 bytes, network order.
    public let bytes: [UInt8]

    public var isIPv4: Bool { bytes.count == 4 }

    public init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// Reads `192.0.2.1` or `2001:db8::1` (RFC 4291 §2.2). Not `[...]`, `IPv6:...`, zones or short IPv4 forms.
    public init?(_ text: String) {
        let utf8 = Array(text.utf8)
        guard let bytes = utf8.contains(0x3A) ? Self.parseIPv6(utf8) : Self.parseIPv4(utf8[...]) else { return nil }
        self.bytes = bytes
    }

    /// An SMTP address literal (RFC 5321 §4.1.3): `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
    public static func literal(_ text: String) -> IPAddress? {
        let utf8 = text.utf8
        guard utf8.count > 2, utf8.first == 0x5B, utf8.last == 0x5D else { return nil }
        let inside = String(text[utf8.index(after: utf8.startIndex)..<utf8.index(before: utf8.endIndex)])
        guard ASCII.hasPrefixIgnoringCase(inside, "ipv6:") else {
            guard let address = IPAddress(inside), address.isIPv4 else { return nil }
            return address
        }
        guard let address = IPAddress(String(decoding: inside.utf8.dropFirst(5), as: UTF8.self)), !address.isIPv4
        else { return nil }
        return address
    }

    /// Dotted quad, or RFC 5952 text; an IPv4-mapped address keeps its dotted tail.
    public var description: String {
        if isIPv4 { return bytes.map { String($0) }.joined(separator: ".") }
        if isIPv4Mapped { return "::ffff:" + bytes[12...].map { String($0) }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(bytes[$0 * 2]) << 8 | UInt16(bytes[$0 * 2 + 1]) }
        let gap = Self.longestZeroRun(groups)
        var text = ""
        var index = 0
        while index < 8 {
            if index == gap.lowerBound, !gap.isEmpty {
                text += "::"
                index = gap.upperBound
            } else {
                if !text.isEmpty, !text.hasSuffix(":") { text += ":" }
                text += String(groups[index], radix: 16)
                index += 1
            }
        }
        return text
    }

    /// `::ffff:192.0.2.1`: an IPv4 client of an IPv6 socket.
    public var isIPv4Mapped: Bool {
        bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
    }

    /// The IPv4 address inside an IPv4-mapped one, else the address itself.
    public var unmapped: IPAddress {
        isIPv4Mapped ? IPAddress(bytes: Array(bytes[12...])) ?? self : self
    }

    /// The name that a reverse DNS query asks for: `1.2.0.192.in-addr.arpa`, or 32 nibbles and `ip6.arpa`.
    public var reverseName: String { reversedLabels + (isIPv4 ? ".in-addr.arpa" : ".ip6.arpa") }

    /// The labels of `reverseName` without the domain, as DNS block lists prepend them.
    public var reversedLabels: String {
        if isIPv4 { return bytes.reversed().map { String($0) }.joined(separator: ".") }
        return bytes.reversed().map { String($0 & 15, radix: 16) + "." + String($0 >> 4, radix: 16) }
            .joined(separator: ".")
    }

    /// 127.0.0.0/8, ::1.
    public var isLoopback: Bool {
        isIPv4 ? bytes[0] == 127 : bytes.last == 1 && bytes.dropLast().allSatisfy { $0 == 0 }
    }

    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int> {
        var best = 0..<0
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private static func parseIPv4(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let parts = text.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var result: [UInt8] = []
        for part in parts {
            guard part.count <= 3, part.count == 1 || part.first != 0x30,
                let value = ASCII.decimal(part), let byte = UInt8(exactly: value)
            else { return nil }
            result.append(byte)
        }
        return result
    }

    private static func parseIPv6(_ text: [UInt8]) -> [UInt8]? {
        var head: [UInt8] = []
        var tail: [UInt8]?
        var index = 0
        if text.starts(with: [0x3A, 0x3A]) {
            tail = []
            index = 2
        }
        while index < text.count {
            let end = text[index...].firstIndex(of: 0x3A) ?? text.count
            let part = text[index..<end]
            var piece: [UInt8] = []
            if end == text.count, part.contains(0x2E) {
                guard let dotted = parseIPv4(part) else { return nil }
                piece = dotted
            } else {
                guard (1...4).contains(part.count) else { return nil }
                var value: UInt16 = 0
                for byte in part {
                    guard let digit = Hex.value(byte) else { return nil }
                    value = value << 4 | UInt16(digit)
                }
                piece = [UInt8(value >> 8), UInt8(value & 0xFF)]
            }
            if tail == nil { head += piece } else { tail?.append(contentsOf: piece) }
            guard head.count + (tail?.count ?? 0) <= 16 else { return nil }
            if end == text.count { break }
            index = end + 1
            if index == text.count { return nil }
            if text[index] == 0x3A {
                guard tail == nil else { return nil }
                tail = []
                index += 1
            }
        }
        guard let tail else { return head.count == 16 ? head : nil }
        let zeros = 16 - head.count - tail.count
        guard zeros > 0 else { return nil }
        return head + [UInt8](repeating: 0, count: zeros) + tail
    }
}
