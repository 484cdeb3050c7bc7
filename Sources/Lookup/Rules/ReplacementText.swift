import MailSyntax

/// The result of a regexp or pcre rule, with `$1`, `${1}`, `$(1)` for matched text and `$$` for a dollar.
struct ReplacementText: Sendable {
    private enum Part: Sendable {
        case text([UInt8])
        case group(Int)
    }

    private var parts: [Part] = []

    /// Why the text is not a result, as the warnings say it. `placed`: after the table and line.
    struct Problem {
        let text: String
        let placed: Bool
    }

    struct Problems: Error {
        var list: [Problem] = []
    }

    /// - Parameter outOfRange: what the type calls an index below 1.
    init(_ text: ArraySlice<UInt8>, outOfRange: String) throws(Problems) {
        var literal: [UInt8] = []
        var problems = Problems()
        var index = text.startIndex
        while index < text.endIndex {
            guard text[index] == UInt8(ascii: "$") else {
                literal.append(text[index])
                index += 1
                continue
            }
            index += 1
            if index < text.endIndex, text[index] == UInt8(ascii: "$") {
                literal.append(UInt8(ascii: "$"))
                index += 1
                continue
            }
            if !literal.isEmpty { parts.append(.text(literal)) }
            literal = []
            let name: ArraySlice<UInt8>
            let start = index
            switch Self.name(text, &index, hasProblems: !problems.list.isEmpty) {
            case .success(let found): name = found
            case .failure(let problem):
                // What follows cannot be read.
                problems.list += problem.list
                throw problems
            }
            // After a mistake Postfix reads on as far as `$1`, not as far as `${1}`.
            if !problems.list.isEmpty, name.startIndex > start { break }
            switch Self.number(name, outOfRange) {
            case .success(let number): parts.append(.group(number))
            case .failure(let problem): problems.list += problem.list
            }
        }
        if !problems.list.isEmpty { throw problems }
        if !literal.isEmpty { parts.append(.text(literal)) }
    }

    private static func problem(_ text: String, placed: Bool) -> Problems {
        Problems(list: [Problem(text: text, placed: placed)])
    }

    private static func name(
        _ text: ArraySlice<UInt8>, _ index: inout Int, hasProblems: Bool
    ) -> Result<ArraySlice<UInt8>, Problems> {
        let rest = text[index...]
        let name: ArraySlice<UInt8>
        let closing: [UInt8: UInt8] = [UInt8(ascii: "{"): UInt8(ascii: "}"), UInt8(ascii: "("): UInt8(ascii: ")")]
        if let first = rest.first, let close = closing[first] {
            var depth = 0
            let end = rest.firstIndex { byte in
                if byte == first { depth += 1 }
                if byte == close { depth -= 1 }
                return depth == 0
            }
            guard let end else {
                return .failure(problem("truncated macro reference: \"\(text.shown)\"", placed: false))
            }
            index = end + 1
            name = rest[(rest.startIndex + 1)..<end]
        } else {
            name = rest.prefix { RuleStatement.isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
            index = name.endIndex
        }
        if name.isEmpty, !(hasProblems && name.startIndex > rest.startIndex) {
            return .failure(problem("empty macro name: \"\(text.shown)\"", placed: false))
        }
        return .success(name)
    }

    private static func number(_ name: ArraySlice<UInt8>, _ outOfRange: String) -> Result<Int, Problems> {
        guard name.allSatisfy({ ASCII.isDigit($0) }) else {
            return .failure(problem("non-numeric replacement index \"\(name.shown)\"", placed: true))
        }
        // Too large a number is out of every table's range.
        let value = ASCII.decimal(name) ?? Int.max
        if value >= 1 { return .success(value) }
        return .failure(problem("\(outOfRange) replacement index \"\(name.shown)\"", placed: true))
    }

    /// The highest `$number`, 0 without any.
    var highestGroup: Int {
        parts.reduce(0) { highest, part in if case .group(let number) = part { max(highest, number) } else { highest } }
    }

    /// - Parameter groups: what each pair of parentheses matched in `key`; index 0 is the whole match.
    func expand(_ key: [UInt8], _ groups: [Range<Int>?]) -> [UInt8] {
        var result: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): result.append(contentsOf: text)
            case .group(let number):
                guard number < groups.count, let range = groups[number],
                    range.lowerBound >= 0, range.upperBound <= key.count
                else { continue }
                result.append(contentsOf: key[range])
            }
        }
        return result
    }
}
