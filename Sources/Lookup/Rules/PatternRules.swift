/// A compiled regular expression.
protocol CompiledPattern: Sendable {
    /// A key in the form that matching needs, made once for all rules of a table.
    associatedtype Subject

    /// How many pairs of parentheses capture.
    var groupCount: Int { get }
    /// See `AnchoredPrefix`.
    var prefix: [UInt8]? { get }

    /// - Parameter groupCount: the highest of the patterns that will be tried.
    static func subject(_ key: [UInt8], groupCount: Int) -> Subject

    /// What matched (the whole, then each group), or nil. Without `captures` the ranges may be left out.
    func match(_ subject: Subject, captures: Bool) -> [Range<Int>?]?
}

/// The rules of a regexp or pcre table: patterns, results, and `if`/`endif` around them.
struct PatternRules<Pattern: CompiledPattern>: Sendable {
    /// A pattern, and whether it must not match.
    struct Condition: Sendable {
        let pattern: Pattern
        let negated: Bool

        func holds(_ subject: Pattern.Subject) -> Bool {
            (pattern.match(subject, captures: false) != nil) != negated
        }
    }

    enum Step: Sendable {
        /// The second condition is regexp's `/pattern/!/pattern/`.
        case rule(Condition, and: Condition?, result: ReplacementText)
        /// Skips to the step at `end` unless the condition holds.
        case block(Condition, end: Int)
    }

    private(set) var steps: [Step] = []
    private var openBlocks: [(step: Int, line: Int)] = []
    private var groupCount = 0
    private var index = PrefixIndex()
    /// The steps that are not in the index.
    private var others: [Int] = []

    mutating func append(_ step: Step) {
        switch step {
        case .rule(let condition, let second, _):
            groupCount = max(groupCount, condition.pattern.groupCount, second?.pattern.groupCount ?? 0)
            if !condition.negated, let prefix = condition.pattern.prefix {
                index.insert(prefix, rule: steps.count)
            } else {
                others.append(steps.count)
            }
        case .block(let condition, _):
            groupCount = max(groupCount, condition.pattern.groupCount)
            others.append(steps.count)
        }
        steps.append(step)
    }

    mutating func beginBlock(_ condition: Condition, line: Int) {
        openBlocks.append((steps.count, line))
        append(.block(condition, end: 0))
    }

    /// Returns false without a matching `if`.
    mutating func endBlock() -> Bool {
        guard let (step, _) = openBlocks.popLast() else { return false }
        if case .block(let condition, _) = steps[step] { steps[step] = .block(condition, end: steps.count) }
        return true
    }

    /// Ends what is still open and returns the lines of those `if`s, innermost first.
    mutating func endAllBlocks() -> [Int] {
        var lines: [Int] = []
        while let (_, line) = openBlocks.last {
            lines.append(line)
            _ = endBlock()
        }
        return lines
    }

    /// The result of the first rule that matches.
    func find(_ key: [UInt8]) -> [UInt8]? {
        let subject = Pattern.subject(key, groupCount: groupCount)
        // Letters beyond ASCII may match others when case is ignored: then the index does not know.
        let isIndexed = index.count > 0 && key.allSatisfy { $0 < 0x80 }
        let candidates = isIndexed ? index.matches(key) : []
        var (nextCandidate, nextOther, step) = (0, 0, 0)
        while true {
            if isIndexed {
                while nextCandidate < candidates.count, candidates[nextCandidate] < step { nextCandidate += 1 }
                while nextOther < others.count, others[nextOther] < step { nextOther += 1 }
                let candidate = nextCandidate < candidates.count ? candidates[nextCandidate] : steps.count
                step = min(candidate, nextOther < others.count ? others[nextOther] : steps.count)
            }
            guard step < steps.count else { return nil }
            switch steps[step] {
            case .block(let condition, let end): step = condition.holds(subject) ? step + 1 : max(end, step + 1)
            case .rule(let condition, let second, let result):
                if let answer = Self.apply(condition, second, result, key, subject) { return answer }
                step += 1
            }
        }
    }

    private static func apply(
        _ condition: Condition, _ second: Condition?, _ result: ReplacementText, _ key: [UInt8],
        _ subject: Pattern.Subject
    ) -> [UInt8]? {
        let groups = condition.pattern.match(subject, captures: result.highestGroup > 0)
        guard (groups != nil) != condition.negated else { return nil }
        if let second, !second.holds(subject) { return nil }
        return result.expand(key, groups ?? [])
    }
}
