import MailSyntax

/// The result of a regexp or pcre rule, with `$1`, `${1}`, `$(1)` for matched text and `$$` for a dollar.
struct ReplacementText: Sendable {
    private enum Part: Sendable {
        case text([UInt8])
        case group(Int)
    }

    private var parts: [Part] = []

    /// Why the text is not a result, as the warnings say it. `placed`: after the table and line.
    struct Problem: Error {
        let text: String
        let placed: Bool
    }

    init(_ text: ArraySlice<UInt8>) throws(Problem) {
        var literal: [UInt8] = []
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
            let name = try Self.name(text, &index)
            parts.append(.group(try Self.number(name)))
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
    }

    private static func name(_ text: ArraySlice<UInt8>, _ index: inout Int) throws(Problem) -> ArraySlice<UInt8> {
        let rest = text[index...]
        let name: ArraySlice<UInt8>
        switch rest.first {
        case UInt8(ascii: "{"): name = try delimited(rest, text, UInt8(ascii: "}"), &index)
        case UInt8(ascii: "("): name = try delimited(rest, text, UInt8(ascii: ")"), &index)
        default:
            name = rest.prefix { RuleStatement.isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
            index = name.endIndex
        }
        if name.isEmpty { throw Problem(text: "empty macro name: \"\(text.text)\"", placed: false) }
        return name
    }

    private static func delimited(
        _ rest: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>, _ close: UInt8, _ index: inout Int
    ) throws(Problem) -> ArraySlice<UInt8> {
        guard let end = rest.firstIndex(of: close) else {
            throw Problem(text: "truncated macro reference: \"\(text.text)\"", placed: false)
        }
        index = end + 1
        return rest[(rest.startIndex + 1)..<end]
    }

    private static func number(_ name: ArraySlice<UInt8>) throws(Problem) -> Int {
        guard name.allSatisfy({ ASCII.isDigit($0) }) else {
            throw Problem(text: "non-numeric replacement index \"\(name.text)\"", placed: true)
        }
        // Too large a number is out of every table's range.
        let value = ASCII.decimal(name) ?? Int.max
        if value < 1 { throw Problem(text: "out-of-range replacement index \"\(name.text)\"", placed: true) }
        return value
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
