import MailSystem

/// What regexp and pcre tables do differently while their rules are read.
protocol PatternDialect {
    associatedtype Pattern: CompiledPattern
    /// Ends the warning about a missing delimiter.
    static var missingDelimiterSuffix: String { get }
    /// `/pattern/!/pattern/` is two patterns.
    static var allowsSecondPattern: Bool { get }
    /// What a `$0` is.
    static var outOfRange: String { get }
    /// Whether `flag` is one of the type's.
    static func knows(_ flag: UInt8) -> Bool
    /// Whether `flag` was one of the type's and means nothing any more.
    static func isObsolete(_ flag: UInt8) -> Bool
    /// Compiles; throws the text of the complaint.
    func compile(_ pattern: ArraySlice<UInt8>, flags: [UInt8]) throws(TableOpenError) -> Pattern
}

/// Reads the rules of a regexp or pcre table (regexp_table(5), pcre_table(5)).
struct PatternReader<Dialect: PatternDialect> {
    let dialect: Dialect
    let text: RuleText
    let options: TableOptions
    private var rules: PatternRules<Dialect.Pattern>

    typealias Condition = PatternRules<Dialect.Pattern>.Condition

    init(_ dialect: Dialect, _ text: RuleText, _ options: TableOptions) {
        self.dialect = dialect
        self.text = text
        self.options = options
        rules = PatternRules(text.place)
    }

    mutating func read() -> PatternRules<Dialect.Pattern> {
        var lines: [(ArraySlice<UInt8>, Int)] = []
        text.forEachRule { lines.append(($0, $1)) }
        for (rule, line) in lines {
            switch RuleStatement(rule) {
            case .if(let rest): readIf(rest, line)
            case .endif(let rest): readEndif(rest, line)
            case .rule: readRule(rule, line)
            }
        }
        for line in rules.finish() { text.warn(line, "IF has no matching ENDIF") }
        return rules
    }

    private mutating func readIf(_ rule: ArraySlice<UInt8>, _ line: Int) {
        var rest = rule
        guard let scanned = scan(&rest, line) else { return }
        rest = ListSyntax.trim(rest)
        if !rest.isEmpty {
            text.warn(line, "ignoring extra text after IF statement: \"\(rest.shown)\"")
            text.warn(line, "do not prepend whitespace to statements between IF and ENDIF")
        }
        guard let condition = compile(scanned, line) else { return }
        rules.beginBlock(condition, line: line)
    }

    private mutating func readEndif(_ rest: ArraySlice<UInt8>, _ line: Int) {
        if !rules.endBlock() {
            text.warn(line, "ignoring ENDIF without matching IF")
        } else if !rest.isEmpty {
            text.warn(line, "ignoring extra text after ENDIF")
        }
    }

    private mutating func readRule(_ rule: ArraySlice<UInt8>, _ line: Int) {
        guard let first = rule.first, !RuleStatement.isAlphanumeric(first) else {
            text.warn(line, "ignoring unrecognized request")
            return
        }
        var rest = rule
        guard let scanned = scan(&rest, line) else { return }
        var secondScanned: Scanned?
        if Dialect.allowsSecondPattern, rest.first == UInt8(ascii: "!"), !scanned.endsAtSpace {
            guard let second = scan(&rest, line) else { return }
            secondScanned = second
        }
        rest = ListSyntax.trim(rest)
        if rest.isEmpty { text.warn(line, "no replacement text: using empty string") }
        guard let result = readResult(rest, negated: scanned.negated, line) else { return }
        guard let condition = compile(scanned, line) else { return }
        if result.highestGroup > condition.pattern.groupCount {
            let shown = result.highestGroup == Int.max ? -1 : result.highestGroup
            text.warn(line, "out of range replacement index \"\(shown)\": skipping this rule")
            return
        }
        var second: Condition?
        if let secondScanned {
            guard let compiled = compile(secondScanned, line) else { return }
            second = compiled
        }
        rules.append(.rule(condition, and: second, result: result))
    }

    private func readResult(_ source: ArraySlice<UInt8>, negated: Bool, _ line: Int) -> ReplacementText? {
        var value = source
        if options.contains(.valueIsFileName) {
            do {
                value = try FileValue.encode(Array(source))[...]
            } catch {
                text.warn(line, "\(error.reason): skipping this rule")
                return nil
            }
        }
        let result: ReplacementText
        do {
            result = try ReplacementText(value, outOfRange: Dialect.outOfRange)
        } catch {
            for problem in error.list {
                if problem.placed { text.warn(line, problem.text) } else { text.warnWithoutPlace(problem.text) }
            }
            text.warn(line, "bad replacement syntax: skipping this rule")
            return nil
        }
        if result.highestGroup > 0 {
            if negated {
                text.warn(line, "$number found in negative match replacement text: skipping this rule")
                return nil
            }
            if options.contains(.noSubstitution) {
                text.warn(line, "regular expression substitution is not allowed: skipping this rule")
                return nil
            }
        }
        return result
    }

    private struct Scanned {
        var negated = false
        var pattern: ArraySlice<UInt8> = []
        var flags: [UInt8] = []
        var endsAtSpace = false
    }

    /// Takes `!/pattern/flags` off `rest`.
    private func scan(_ rest: inout ArraySlice<UInt8>, _ line: Int) -> Scanned? {
        var result = Scanned()
        while let first = rest.first, first == UInt8(ascii: "!") || ListSyntax.isSpace(first) {
            if first == UInt8(ascii: "!") { result.negated.toggle() }
            rest.removeFirst()
        }
        guard let delimiter = rest.first else {
            text.warn(line, "no regexp: skipping this rule")
            return nil
        }
        rest.removeFirst()
        let start = rest.startIndex
        var index = start
        // A backslash is no delimiter, unless it is the last octet and began the pattern.
        while index < rest.endIndex {
            if rest[index] == UInt8(ascii: "\\"), index + 1 < rest.endIndex {
                index += 2
            } else if rest[index] == delimiter {
                break
            } else {
                index += 1
            }
        }
        guard index < rest.endIndex else {
            let shown = [delimiter].shown
            text.warn(line, "no closing regexp delimiter \"\(shown)\": \(Dialect.missingDelimiterSuffix)")
            return nil
        }
        result.pattern = rest[start..<index]
        rest = rest[(index + 1)...]
        var flags: [UInt8] = []
        while let flag = rest.first, !ListSyntax.isSpace(flag) {
            if Dialect.allowsSecondPattern, flag == UInt8(ascii: "!") { break }
            rest.removeFirst()
            if Dialect.isObsolete(flag) {
                text.warn(line, "ignoring obsolete regexp option \"\(String(decoding: [flag], as: UTF8.self))\"")
                continue
            }
            guard Dialect.knows(flag) else {
                let shown = flag < 0x80 ? String(decoding: [flag], as: UTF8.self) : "?"
                text.warn(line, "unknown regexp option \"\(shown)\": skipping this rule")
                return nil
            }
            flags.append(flag)
        }
        result.flags = flags
        result.endsAtSpace = rest.first.map(ListSyntax.isSpace) ?? true
        return result
    }

    private func compile(_ scanned: Scanned, _ line: Int) -> Condition? {
        do {
            return Condition(
                pattern: try dialect.compile(scanned.pattern, flags: scanned.flags), negated: scanned.negated,
                line: line)
        } catch {
            text.warn(line, error.reason)
            return nil
        }
    }
}
