/// A compiled regular expression.
protocol CompiledPattern: Sendable {
    /// A key in the form that matching needs, made once for all rules of a table.
    associatedtype Subject

    /// How many pairs of parentheses capture.
    var groupCount: Int { get }
    var literals: RequiredLiterals? { get }

    /// - Parameter groupCount: the highest of the patterns that will be tried.
    static func subject(_ key: [UInt8], groupCount: Int) -> Subject

    /// What matched (the whole, then each group), or nil. Without `captures` the ranges may be left out.
    func match(_ subject: Subject, captures: Bool) throws(PatternFailure) -> [Range<Int>?]?
}

/// A pattern that was given up before it was known whether it matches.
struct PatternFailure: Error {
    let reason: String
}

/// The rules of a regexp or pcre table: patterns, results, and `if`/`endif` around them.
struct PatternRules<Pattern: CompiledPattern>: Sendable {
    /// A pattern, and whether it must not match.
    struct Condition: Sendable {
        let pattern: Pattern
        let negated: Bool
        let line: Int

        func holds(_ subject: Pattern.Subject, _ place: RulePlace) -> Bool {
            guard let match = match(subject, captures: false, place) else { return false }
            return (match != nil) != negated
        }

        /// What matched; nil, with a warning, when that cannot be known: a rule then applies in neither sense.
        func match(_ subject: Pattern.Subject, captures: Bool, _ place: RulePlace) -> [Range<Int>?]?? {
            do {
                return .some(try pattern.match(subject, captures: captures))
            } catch {
                place.warn(line, error.reason)
                return nil
            }
        }
    }

    enum Step: Sendable {
        /// The second condition is regexp's `/pattern/!/pattern/`.
        case rule(Condition, and: Condition?, result: ReplacementText)
        /// Skips to the step at `end` unless the condition holds.
        case block(Condition, end: Int)
    }

    private let place: RulePlace
    private var steps: [Step] = []
    private var openBlocks: [(step: Int, line: Int)] = []
    private var groupCount = 0
    private var index = LiteralIndex()
    /// Steps whose pattern matches no key that the index does not find for them.
    private var indexed = RuleSet(count: 0)
    /// Steps that no key may leave out: without literals, negated, or blocks.
    private var always = RuleSet(count: 0)

    init(_ place: RulePlace) { self.place = place }

    mutating func append(_ step: Step) {
        switch step {
        case .rule(let condition, let second, _):
            groupCount = max(groupCount, condition.pattern.groupCount, second?.pattern.groupCount ?? 0)
        case .block(let condition, _): groupCount = max(groupCount, condition.pattern.groupCount)
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

    /// No more rules. Ends what is still open and returns the lines of those `if`s, innermost first.
    mutating func finish() -> [Int] {
        var lines: [Int] = []
        while let (_, line) = openBlocks.last {
            lines.append(line)
            _ = endBlock()
        }
        makeIndex()
        return lines
    }

    private mutating func makeIndex() {
        indexed = RuleSet(count: steps.count)
        always = RuleSet(count: steps.count)
        var literals: [(rule: Int, literals: RequiredLiterals)] = []
        for (number, step) in steps.enumerated() {
            let (condition, isBlock) =
                switch step {
                case .rule(let condition, _, _): (condition, false)
                case .block(let condition, _): (condition, true)
                }
            if let found = condition.pattern.literals {
                literals.append((number, found))
                indexed.insert(number)
            }
            if isBlock || condition.negated || condition.pattern.literals == nil { always.insert(number) }
        }
        // With so few the index would cost more than it saves.
        if literals.count < 4 {
            indexed = RuleSet(count: steps.count)
        } else {
            index = LiteralIndex(literals)
        }
    }

    /// The result of the first rule that matches.
    func find(_ key: [UInt8]) -> [UInt8]? {
        let subject = Pattern.subject(key, groupCount: groupCount)
        var found = RuleSet(count: steps.count)
        let isIndexed = !index.isEmpty && index.mark(key, &found)
        var step = 0
        while true {
            if isIndexed { step = always.next(step, or: found) ?? steps.count }
            guard step < steps.count else { return nil }
            let mayMatch = !isIndexed || found.contains(step) || !indexed.contains(step)
            switch steps[step] {
            case .block(let condition, let end):
                let holds = mayMatch ? condition.holds(subject, place) : condition.negated
                step = holds ? step + 1 : max(end, step + 1)
            case .rule(let condition, let second, let result):
                if let answer = apply(condition, second, result, key, subject, mayMatch) { return answer }
                step += 1
            }
        }
    }

    private func apply(
        _ condition: Condition, _ second: Condition?, _ result: ReplacementText, _ key: [UInt8],
        _ subject: Pattern.Subject, _ mayMatch: Bool
    ) -> [UInt8]? {
        var groups: [Range<Int>?]?
        if mayMatch {
            guard let match = condition.match(subject, captures: result.highestGroup > 0, place) else { return nil }
            groups = match
        }
        guard (groups != nil) != condition.negated else { return nil }
        if let second, !second.holds(subject, place) { return nil }
        return result.expand(key, groups ?? [])
    }
}
