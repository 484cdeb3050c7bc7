/// The text that every key must begin with to match a pattern such as `^Subject: offer`. Only a hint: no prefix is found
/// where the pattern's syntax could mean something else.
enum AnchoredPrefix {
    /// In lower case, since a rule may ignore case; nil without an anchor or literal text after it.
    static func find(_ pattern: ArraySlice<UInt8>) -> [UInt8]? {
        guard pattern.first == UInt8(ascii: "^"), !mayAlternate(pattern) else { return nil }
        var prefix: [UInt8] = []
        var rest = pattern.dropFirst()
        while let byte = rest.popFirst() {
            var literal = byte
            if byte == UInt8(ascii: "\\") {
                guard let escaped = rest.popFirst(), escapable.contains(escaped) else { break }
                literal = escaped
            } else if operators.contains(byte) || byte >= 0x80 {
                break
            }
            switch rest.first {
            // The character need not be there.
            case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "{"): return prefix.isEmpty ? nil : prefix
            default: prefix.append(lowerCase(literal))
            }
            if rest.first == UInt8(ascii: "+") { break }
        }
        return prefix.isEmpty ? nil : prefix
    }

    private static let operators = Set("^$.[]()*+?{}|\\".utf8)
    /// What a backslash makes literal in POSIX and in Perl syntax alike.
    private static let escapable = Set("^$.[]()*+?{}|\\/@-".utf8)

    static func lowerCase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    /// Whether there may be a `|` outside parentheses, which would make the anchor one of two choices.
    private static func mayAlternate(_ pattern: ArraySlice<UInt8>) -> Bool {
        guard pattern.contains(UInt8(ascii: "|")) else { return false }
        var depth = 0
        var escaped = false
        var previous: UInt8 = 0
        for byte in pattern {
            defer { previous = byte }
            if escaped {
                // \Q begins a quotation, which this does not follow.
                if byte == UInt8(ascii: "Q") { return true }
                escaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "\\"): escaped = true
            // Brackets, comments and verbs may hold parentheses that are none.
            case UInt8(ascii: "["): return true
            case UInt8(ascii: "#") where previous == UInt8(ascii: "?"): return true
            case UInt8(ascii: "*") where previous == UInt8(ascii: "("): return true
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: "|") where depth < 1: return true
            default: break
            }
        }
        return false
    }
}

/// Which of a table's rules a key can match at all, by the prefixes of their patterns.
struct PrefixIndex: Sendable {
    /// From a node and a byte to the next node.
    private var edges: [UInt64: Int32] = [:]
    /// The rules whose prefix ends at each node, in order.
    private var rules: [[Int]] = [[]]
    private(set) var count = 0

    private static let depth = 48

    mutating func insert(_ prefix: [UInt8], rule: Int) {
        var node: Int32 = 0
        for byte in prefix.prefix(Self.depth) {
            let edge = UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)
            if let next = edges[edge] {
                node = next
            } else {
                node = Int32(truncatingIfNeeded: rules.count)
                rules.append([])
                edges[edge] = node
            }
        }
        rules[Int(node)].append(rule)
        count += 1
    }

    /// The rules whose prefix `key` begins with, in the table's order.
    func matches(_ key: [UInt8]) -> [Int] {
        var found: [Int] = []
        var node: Int32 = 0
        for byte in key.prefix(Self.depth) {
            let edge = UInt64(UInt32(bitPattern: node)) << 8 | UInt64(AnchoredPrefix.lowerCase(byte))
            guard let next = edges[edge] else { break }
            node = next
            found += rules[Int(node)]
        }
        return found.sorted()
    }
}
