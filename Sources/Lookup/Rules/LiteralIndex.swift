/// Which of a table's rules a key can match at all, by the text that their patterns require: one pass over the key, however
/// many rules there are.
///
/// A rule stands under a few octets of each of its literals, the rarest ones in the table. Every place of the key is looked
/// up in a bitmap of these, and what is found there is compared whole.
struct LiteralIndex: Sendable {
    private struct Entry {
        let literal: RequiredLiterals.Literal
        /// Where the octets that it is found under begin in it.
        let offset: Int
        let rule: Int
    }

    /// Octets of one width, 4 or 2, and the entries under them.
    private struct Grams {
        let width: Int
        /// By the hash of the octets.
        private var present = [UInt64](repeating: 0, count: 1024)
        private var entries: [UInt32: [Entry]] = [:]

        init(width: Int) { self.width = width }

        var isEmpty: Bool { entries.isEmpty }

        private static func hash(_ gram: UInt32) -> Int { Int((gram &* 0x9E37_79B1) >> 16) }

        mutating func insert(_ entry: Entry, under gram: UInt32) {
            let hash = Self.hash(gram)
            present[hash >> 6] |= 1 << UInt64(hash & 63)
            entries[gram, default: []].append(entry)
        }

        /// Marks the rules that have a literal in `key`, which is in lower case.
        func mark(_ key: UnsafeBufferPointer<UInt8>, _ found: inout RuleSet) {
            let mask: UInt32 = width == 4 ? .max : 0xFFFF
            var gram: UInt32 = 0
            present.withUnsafeBufferPointer { present in
                for (index, byte) in key.enumerated() {
                    gram = (gram << 8 | UInt32(byte)) & mask
                    let hash = Self.hash(gram)
                    guard present[hash >> 6] >> UInt64(hash & 63) & 1 == 1, index >= width - 1,
                        let entries = entries[gram]
                    else { continue }
                    for entry in entries where !found.contains(entry.rule) {
                        if Self.holds(key, entry, at: index - width + 1 - entry.offset) { found.insert(entry.rule) }
                    }
                }
            }
        }

        private static func holds(_ key: UnsafeBufferPointer<UInt8>, _ entry: Entry, at start: Int) -> Bool {
            let text = entry.literal.text
            guard start >= 0, start == 0 || !entry.literal.atStart, text.count <= key.count - start else {
                return false
            }
            for index in text.indices where key[start + index] != text[index] { return false }
            return true
        }
    }

    private var wide = Grams(width: 4)
    private var narrow = Grams(width: 2)

    var isEmpty: Bool { wide.isEmpty && narrow.isEmpty }

    init() {}

    /// - Parameter rules: the literals of each rule that has any; at least two octets each.
    init(_ rules: [(rule: Int, literals: RequiredLiterals)]) {
        // How many literals each place could stand for: the rarest is chosen.
        var uses: [UInt32: Int] = [:]
        for (_, literals) in rules {
            for literal in literals.choices {
                for gram in Set(Self.grams(literal.text)) { uses[gram, default: 0] += 1 }
            }
        }
        for (rule, literals) in rules {
            for literal in literals.choices {
                let grams = Self.grams(literal.text)
                let rarest = grams.indices.min { uses[grams[$0]] ?? 0 < uses[grams[$1]] ?? 0 }
                guard let offset = rarest else { continue }
                let entry = Entry(literal: literal, offset: offset, rule: rule)
                if literal.text.count >= 4 {
                    wide.insert(entry, under: grams[offset])
                } else {
                    narrow.insert(entry, under: grams[offset])
                }
            }
        }
    }

    /// The octets at each place of a literal: four, or two of a short one.
    private static func grams(_ text: [UInt8]) -> [UInt32] {
        let width = text.count >= 4 ? 4 : 2
        guard text.count >= width else { return [] }
        return (0...(text.count - width)).map { start in
            text[start..<(start + width)].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// Adds to `found` the rules whose literal is in `key`. Returns false when the index cannot tell.
    func mark(_ key: [UInt8], _ found: inout RuleSet) -> Bool {
        if Self.holdsFoldingLetters(key) { return false }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: key.count) { lowered in
            for (index, byte) in key.enumerated() { lowered[index] = RequiredLiterals.lowerCase(byte) }
            let text = UnsafeBufferPointer(lowered)
            if !wide.isEmpty { wide.mark(text, &found) }
            if !narrow.isEmpty { narrow.mark(text, &found) }
        }
        return true
    }

    /// The two letters beyond ASCII that match ASCII ones where case is ignored: U+017F (s) and U+212A (k).
    private static func holdsFoldingLetters(_ key: [UInt8]) -> Bool {
        var previous: (UInt8, UInt8) = (0, 0)
        for byte in key {
            if byte == 0xBF, previous.1 == 0xC5 { return true }
            if byte == 0xAA, previous == (0xE2, 0x84) { return true }
            previous = (previous.1, byte)
        }
        return false
    }
}

/// Numbers of rules, as bits.
struct RuleSet: Sendable {
    private var words: [UInt64]

    init(count: Int) { words = Array(repeating: 0, count: count / 64 + 1) }

    func contains(_ rule: Int) -> Bool { words[rule >> 6] >> UInt64(rule & 63) & 1 == 1 }

    mutating func insert(_ rule: Int) { words[rule >> 6] |= 1 << UInt64(rule & 63) }

    /// The lowest member of this set or of `other`, which has as many rules, that is not below `start`.
    func next(_ start: Int, or other: RuleSet) -> Int? {
        var word = start >> 6
        guard word < words.count else { return nil }
        var bits = (words[word] | other.words[word]) & (UInt64.max << UInt64(start & 63))
        while bits == 0 {
            word += 1
            guard word < words.count else { return nil }
            bits = words[word] | other.words[word]
        }
        return word << 6 + bits.trailingZeroBitCount
    }
}
