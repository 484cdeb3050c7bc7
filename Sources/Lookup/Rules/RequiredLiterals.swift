/// Text of which every key that matches a pattern must hold at least one piece: `^Subject: .*(offer|prize)` gives
/// `subject: ` at the start. Only a hint, for an index of rules: nil where the pattern requires none, or where its syntax
/// could mean something else.
struct RequiredLiterals: Equatable, Sendable {
    struct Literal: Equatable, Sendable {
        /// In lower case, since a rule may ignore case; ASCII only.
        var text: [UInt8]
        /// The key begins with it.
        var atStart = false

        /// How well it tells keys apart.
        fileprivate var weight: Int { text.count + (atStart ? 2 : 0) }
    }

    /// The key holds one of these.
    let choices: [Literal]

    fileprivate var weight: Int { choices.map(\.weight).min() ?? 0 }

    enum Syntax {
        /// regex(7), extended.
        case posix
        /// pcre2pattern(3).
        case perl
    }

    /// - Parameter anchors: `^` matches at the start of the key only.
    static func find(_ pattern: ArraySlice<UInt8>, _ syntax: Syntax, anchors: Bool) -> RequiredLiterals? {
        var reader = RequiredLiteralReader(rest: pattern, syntax: syntax, anchors: anchors)
        return reader.readAll()
    }

    static func lowerCase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}

/// Reads a pattern just far enough to know its required text, and gives up at what it does not know.
private struct RequiredLiteralReader {
    var rest: ArraySlice<UInt8>
    let syntax: RequiredLiterals.Syntax
    let anchors: Bool
    private var gaveUp = false

    /// More alternatives than this are no help.
    private static let maxChoices = 64
    private static let maxDepth = 40

    init(rest: ArraySlice<UInt8>, syntax: RequiredLiterals.Syntax, anchors: Bool) {
        self.rest = rest
        self.syntax = syntax
        self.anchors = anchors
    }

    mutating func readAll() -> RequiredLiterals? {
        let found = alternatives(depth: 0)
        return gaveUp || !rest.isEmpty ? nil : found
    }

    private mutating func giveUp() { gaveUp = true }

    /// Branches between `|`, up to `)` or the end.
    private mutating func alternatives(depth: Int) -> RequiredLiterals? {
        var choices: [RequiredLiterals.Literal] = []
        var known = depth < Self.maxDepth
        if !known { giveUp() }
        while !gaveUp {
            if let branch = sequence(depth: depth) { choices += branch.choices } else { known = false }
            guard rest.first == UInt8(ascii: "|") else { break }
            rest.removeFirst()
        }
        return known && !gaveUp && choices.count <= Self.maxChoices ? RequiredLiterals(choices: choices) : nil
    }

    /// What the parts of one branch have gathered.
    private struct Gathered {
        var best: RequiredLiterals?
        var run = RequiredLiterals.Literal(text: [])

        mutating func offer(_ found: RequiredLiterals?) {
            guard let found, found.weight > best?.weight ?? 0, found.choices.allSatisfy({ $0.text.count > 1 }) else {
                return
            }
            best = found
        }

        mutating func endRun() {
            if !run.text.isEmpty { offer(RequiredLiterals(choices: [run])) }
            run = RequiredLiterals.Literal(text: [])
        }
    }

    private mutating func sequence(depth: Int) -> RequiredLiterals? {
        var gathered = Gathered()
        while !gaveUp, let byte = rest.first, byte != UInt8(ascii: "|") {
            if byte == UInt8(ascii: ")") {
                // POSIX takes one without a partner for a character; so may its owner.
                if depth == 0 { giveUp() }
                break
            }
            rest.removeFirst()
            switch byte {
            case UInt8(ascii: "^"):
                gathered.endRun()
                gathered.run.atStart = anchors
            case UInt8(ascii: "$"): gathered.endRun()
            case UInt8(ascii: "("): group(&gathered, depth)
            case UInt8(ascii: "["):
                bracket()
                opaque(&gathered)
            case UInt8(ascii: "\\"): escape(&gathered)
            case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"): giveUp()
            case UInt8(ascii: "."): opaque(&gathered)
            default: literal(byte, &gathered)
            }
        }
        gathered.endRun()
        return gathered.best
    }

    private mutating func literal(_ byte: UInt8, _ gathered: inout Gathered) {
        // Letters beyond ASCII fold in ways of their own; none of their octets is a letter that matters here.
        guard byte < 0x80, byte != 0 else { return opaque(&gathered) }
        let folded = RequiredLiterals.lowerCase(byte)
        guard let least = quantifier() else {
            gathered.run.text.append(folded)
            return
        }
        if least > 0 { gathered.run.text.append(folded) }
        gathered.endRun()
        // Its last repetition stands before what follows.
        if least > 0 { gathered.run.text = [folded] }
    }

    /// Something of any text.
    private mutating func opaque(_ gathered: inout Gathered) {
        gathered.endRun()
        _ = quantifier()
    }

    private mutating func group(_ gathered: inout Gathered, _ depth: Int) {
        gathered.endRun()
        if rest.starts(with: "?:".utf8), syntax == .perl {
            rest = rest.dropFirst(2)
        } else if rest.first == UInt8(ascii: "?") || rest.first == UInt8(ascii: "*") {
            // Options, assertions, comments, verbs.
            return giveUp()
        }
        let found = alternatives(depth: depth + 1)
        guard !gaveUp, rest.popFirst() == UInt8(ascii: ")") else { return giveUp() }
        if quantifier() ?? 1 > 0 { gathered.offer(found) }
    }

    /// Past the `]` of a set of characters.
    private mutating func bracket() {
        if rest.first == UInt8(ascii: "^") { rest.removeFirst() }
        if rest.first == UInt8(ascii: "]") { rest.removeFirst() }
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "]"): return
            case UInt8(ascii: "\\") where syntax == .perl:
                guard let next = rest.popFirst(), next != UInt8(ascii: "Q") else { return giveUp() }
            case UInt8(ascii: "["):
                guard let kind = rest.first, ":.=".utf8.contains(kind) else { continue }
                rest.removeFirst()
                // `[:alpha:]`, and nothing that only looks like it.
                let name = rest.prefix { RuleStatement.isAlphanumeric($0) || $0 == UInt8(ascii: "^") }
                rest = rest[name.endIndex...]
                guard rest.popFirst() == kind, rest.popFirst() == UInt8(ascii: "]") else { return giveUp() }
            default: break
            }
        }
        giveUp()
    }

    /// Punctuation that a backslash makes literal in both syntaxes.
    private static let punctuation = Set("^$.[]()*+?{}|\\/@-:;,=!#%&~ \"_".utf8)
    private static let perlClasses = Set("dDwWsSbBAzZGRhHvVnrtfea".utf8)
    private static let posixClasses = Set("wWsSbB<>`'".utf8)

    private mutating func escape(_ gathered: inout Gathered) {
        guard let byte = rest.popFirst() else { return giveUp() }
        if Self.punctuation.contains(byte) { return literal(byte, &gathered) }
        if byte >= 0x30, byte <= 0x39 {
            // A group's text again, or a character's number.
            rest = rest.drop { $0 >= 0x30 && $0 <= 0x39 }
            return opaque(&gathered)
        }
        guard (syntax == .perl ? Self.perlClasses : Self.posixClasses).contains(byte) else { return giveUp() }
        opaque(&gathered)
    }

    /// The least number of repetitions that the quantifiers here ask for; nil without any.
    private mutating func quantifier() -> Int? {
        var least: Int?
        while let byte = rest.first {
            let one: Int
            switch byte {
            case UInt8(ascii: "*"), UInt8(ascii: "?"): one = 0
            case UInt8(ascii: "+"): one = 1
            case UInt8(ascii: "{"):
                guard let count = interval() else {
                    giveUp()
                    return 0
                }
                one = count
            default: return least
            }
            if byte != UInt8(ascii: "{") { rest.removeFirst() }
            least = min(least ?? 1, one)
            // Lazy and possessive in Perl's syntax; one more quantifier in POSIX'.
            if syntax == .perl, rest.first == UInt8(ascii: "?") || rest.first == UInt8(ascii: "+") {
                rest.removeFirst()
            }
        }
        return least
    }

    /// `{2}`, `{2,}`, `{2,3}`: the first number, if that is what stands here.
    private mutating func interval() -> Int? {
        let inner = rest.dropFirst()
        guard let end = inner.firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let parts = inner[..<end].split(separator: UInt8(ascii: ","), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, !first.isEmpty, first.count < 6,
            parts.allSatisfy({ $0.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } })
        else { return nil }
        rest = rest[(end + 1)...]
        return first.contains { $0 != 0x30 } ? 1 : 0
    }
}
