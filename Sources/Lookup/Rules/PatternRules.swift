/// A compiled regular expression.
protocol CompiledPattern: Sendable {
    /// How many pairs of parentheses capture.
    var groupCount: Int { get }
    /// What matched (the whole, then each group), or nil. Without `captures` the ranges may be left out.
    func match(_ key: [UInt8], captures: Bool) -> [Range<Int>?]?
}

/// The rules of a regexp or pcre table: patterns, results, and `if`/`endif` around them.
struct PatternRules<Pattern: CompiledPattern>: Sendable {
    /// A pattern, and whether it must not match.
    struct Condition: Sendable {
        let pattern: Pattern
        let negated: Bool

        func holds(_ key: [UInt8]) -> Bool { (pattern.match(key, captures: false) != nil) != negated }
    }

    enum Step: Sendable {
        /// The second condition is regexp's `/pattern/!/pattern/`.
        case rule(Condition, and: Condition?, result: ReplacementText)
        /// Skips to the step at `end` unless the condition holds.
        case block(Condition, end: Int)
    }

    private(set) var steps: [Step] = []
    private var openBlocks: [(step: Int, line: Int)] = []

    mutating func append(_ step: Step) { steps.append(step) }

    mutating func beginBlock(_ condition: Condition, line: Int) {
        openBlocks.append((steps.count, line))
        steps.append(.block(condition, end: 0))
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
        var index = 0
        while index < steps.count {
            switch steps[index] {
            case .block(let condition, let end):
                index = condition.holds(key) ? index + 1 : max(end, index + 1)
            case .rule(let condition, let second, let result):
                if let answer = Self.apply(condition, second, result, key) { return answer }
                index += 1
            }
        }
        return nil
    }

    private static func apply(
        _ condition: Condition, _ second: Condition?, _ result: ReplacementText, _ key: [UInt8]
    ) -> [UInt8]? {
        let groups = condition.pattern.match(key, captures: result.highestGroup > 0)
        guard (groups != nil) != condition.negated else { return nil }
        if let second, !second.holds(key) { return nil }
        return result.expand(key, groups ?? [])
    }
}
