/// A `$` expression that cannot be expanded; the text is Postfix's.
public struct MacroError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }

    /// A value that refers to itself, over however many names.
    static func endless(_ text: String) -> MacroError {
        MacroError(description: "unreasonable macro call nesting: \"\(text)\"")
    }

    public var isEndless: Bool { description.hasPrefix("unreasonable macro call nesting") }
}

/// `$name`, `${name}`, `$(name)`, `${name?value}`, `${name:value}`, `${name?{a}:{b}}`, `${{a} == {b} ? {x} : {y}}` and
/// `$$`: postconf(5). The same grammar serves main.cf, reply templates, pipe(8) arguments and mailbox commands, each with
/// its own names.
public enum MacroText {
    public typealias Lookup = (String) throws(MacroError) -> String?

    /// - Parameter lookup: the expanded value of a name, nil for an undefined one (which expands to nothing).
    public static func expand(_ text: String, _ lookup: Lookup) throws(MacroError) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 2)
        var parser = MacroParser(text: bytes[...], depth: 0)
        try parser.expand(into: &output, lookup)
        return String(decoding: output, as: UTF8.self)
    }

    /// The names that `text` refers to, in conditions and in their values too. Bad expressions end the list.
    public static func names(in text: String) -> [String] {
        var names: [String] = []
        guard text.utf8.contains(UInt8(ascii: "$")) else { return names }
        var parser = MacroParser(text: Array(text.utf8)[...], depth: 0, takesAll: true)
        var output: [UInt8] = []
        try? parser.expand(into: &output) { (name) throws(MacroError) in
            names.append(name)
            return ""
        }
        return names
    }
}

/// One pass over one text; nested values get a parser of their own.
private struct MacroParser {
    let text: ArraySlice<UInt8>
    let depth: Int
    /// Looks at both sides of every condition.
    var takesAll = false

    /// Bounds the stack for hostile nesting.
    static let depthLimit = 50

    mutating func expand(into output: inout [UInt8], _ lookup: MacroText.Lookup) throws(MacroError) {
        guard depth < Self.depthLimit else {
            throw MacroError.endless(string(text))
        }
        var index = text.startIndex
        while index < text.endIndex {
            guard text[index] == UInt8(ascii: "$") else {
                output.append(text[index])
                index += 1
                continue
            }
            index += 1
            guard index < text.endIndex else { throw emptyName }
            switch text[index] {
            case UInt8(ascii: "$"):
                output.append(text[index])
                index += 1
            case UInt8(ascii: "{"):
                let inner = try enclosed(from: index, close: UInt8(ascii: "}"))
                try expression(inner, into: &output, lookup)
                index = inner.endIndex + 1
            case UInt8(ascii: "("):
                let inner = try enclosed(from: index, close: UInt8(ascii: ")"))
                try expression(inner, into: &output, lookup)
                index = inner.endIndex + 1
            default:
                let name = nameRun(text[index...])
                guard !name.isEmpty else { throw emptyName }
                if let value = try lookup(string(name)) { output.append(contentsOf: value.utf8) }
                index = name.endIndex
            }
        }
    }

    /// What stands between the bracket at `start` and its partner.
    private func enclosed(from start: Int, close: UInt8) throws(MacroError) -> ArraySlice<UInt8> {
        let open = text[start]
        var level = 0
        for index in start..<text.endIndex {
            if text[index] == open { level += 1 }
            if text[index] == close {
                level -= 1
                if level == 0 { return text[(start + 1)..<index] }
            }
        }
        throw MacroError(description: "truncated macro reference: \"\(string(text))\"")
    }

    private func expression(_ inner: ArraySlice<UInt8>, into output: inout [UInt8], _ lookup: MacroText.Lookup)
        throws(MacroError)
    {
        var rest = skipSpace(inner)
        if rest.first == UInt8(ascii: "{") {
            let holds = try comparison(&rest, inner, lookup)
            guard !rest.isEmpty else {
                if holds { output.append(contentsOf: "true".utf8) }
                return
            }
            return try choose(holds, rest, inner, into: &output, lookup)
        }
        let name = nameRun(rest)
        if name.isEmpty {
            throw rest.isEmpty ? emptyName : syntax("attribute name syntax error at", inner, rest.startIndex)
        }
        rest = skipSpace(rest[name.endIndex...])
        if string(name) == "domain_to_ascii", rest.first == UInt8(ascii: "{") {
            let argument = try braced(&rest, inner)
            return try expandNested(argument, into: &output, lookup)
        }
        let value = try lookup(string(name)) ?? ""
        guard let next = rest.first else {
            output.append(contentsOf: value.utf8)
            return
        }
        guard next == UInt8(ascii: "?") || next == UInt8(ascii: ":") else {
            throw syntax("attribute name syntax error at", inner, name.endIndex)
        }
        try choose(!value.isEmpty, rest, inner, into: &output, lookup)
    }

    /// `?text`, `:text`, `?{a}`, `:{a}`, `?{a}:{b}`
    private func choose(
        _ holds: Bool, _ tail: ArraySlice<UInt8>, _ inner: ArraySlice<UInt8>, into output: inout [UInt8],
        _ lookup: MacroText.Lookup
    ) throws(MacroError) {
        guard let mark = tail.first, mark == UInt8(ascii: "?") || mark == UInt8(ascii: ":") else {
            throw syntax("\"?\" or \":\" expected at", inner, tail.startIndex)
        }
        let whenTrue = mark == UInt8(ascii: "?")
        var rest = skipSpace(tail.dropFirst())
        guard rest.first == UInt8(ascii: "{") else {
            if takesAll || holds == whenTrue { try expandNested(tail.dropFirst(), into: &output, lookup) }
            return
        }
        let first = try braced(&rest, inner)
        var second: ArraySlice<UInt8>?
        if whenTrue, !rest.isEmpty, rest.first != UInt8(ascii: ":") {
            throw syntax("\":\" expected at", inner, rest.startIndex)
        }
        if whenTrue, !rest.isEmpty {
            let colon = rest
            rest = skipSpace(rest.dropFirst())
            if rest.first == UInt8(ascii: "{") {
                second = try braced(&rest, inner)
            } else {
                second = colon.dropFirst()
                rest = rest[rest.endIndex...]
            }
        }
        guard rest.isEmpty else { throw syntax("unexpected input at", inner, rest.startIndex) }
        if takesAll || holds == whenTrue { try expandNested(first, into: &output, lookup) }
        if let second, takesAll || holds != whenTrue { try expandNested(second, into: &output, lookup) }
    }

    /// What stands in `{…}` at the start of `rest`, white space included; `rest` then starts after it.
    private func braced(_ rest: inout ArraySlice<UInt8>, _ inner: ArraySlice<UInt8>) throws(MacroError)
        -> ArraySlice<UInt8>
    {
        guard rest.first == UInt8(ascii: "{") else {
            throw syntax("\"{expression}\" expected at", inner, rest.startIndex)
        }
        var level = 0
        for index in rest.indices {
            if rest[index] == UInt8(ascii: "{") { level += 1 }
            if rest[index] == UInt8(ascii: "}") {
                level -= 1
                if level == 0 {
                    let content = rest[(rest.startIndex + 1)..<index]
                    rest = skipSpace(rest[(index + 1)...])
                    return content
                }
            }
        }
        throw MacroError(description: "truncated macro reference: \"\(string(text))\"")
    }

    private func comparison(_ rest: inout ArraySlice<UInt8>, _ inner: ArraySlice<UInt8>, _ lookup: MacroText.Lookup)
        throws(MacroError) -> Bool
    {
        let left = try nestedText(braced(&rest, inner), lookup)
        let place = rest.startIndex
        let symbol = rest.prefix { $0 == 0x3C || $0 == 0x3D || $0 == 0x3E || $0 == UInt8(ascii: "!") }
        guard let test = Self.comparisons[string(symbol)] else {
            throw syntax("\"==\" or \"!=\"\" or \"<\"\" or \"<=\"\" or \">=\"\" or \">\" expected at", inner, place)
        }
        let suffix = nameRun(rest[symbol.endIndex...])
        let isLevel = string(suffix) == "level"
        guard isLevel || suffix.isEmpty else {
            throw MacroError(
                description: "bad operator suffix at: \"...\(string(symbol))>>>\(string(suffix))\"")
        }
        rest = skipSpace(rest[suffix.endIndex...])
        let right = try nestedText(braced(&rest, inner), lookup)
        if takesAll { return true }
        return test(isLevel ? try compareLevels(left, right) : Self.compare(left, right))
    }

    private static let comparisons: [String: @Sendable (Int) -> Bool] = [
        "==": { $0 == 0 }, "!=": { $0 != 0 }, "<": { $0 < 0 }, "<=": { $0 <= 0 }, ">": { $0 > 0 }, ">=": { $0 >= 0 },
    ]

    /// As numbers when both are, otherwise byte by byte.
    private static func compare(_ left: String, _ right: String) -> Int {
        if let a = TimeSetting.decimal(left[...]), let b = TimeSetting.decimal(right[...]) {
            return a < b ? -1 : (a == b ? 0 : 1)
        }
        if left.utf8.elementsEqual(right.utf8) { return 0 }
        return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
    }

    private func compareLevels(_ left: String, _ right: String) throws(MacroError) -> Int {
        guard let a = CompatibilityLevel(left) else {
            throw MacroError(description: "malformed compatibility level syntax: \"\(left)\"")
        }
        guard let b = CompatibilityLevel(right) else {
            throw MacroError(description: "malformed compatibility level syntax: \"\(right)\"")
        }
        return a < b ? -1 : (a == b ? 0 : 1)
    }

    private func expandNested(_ text: ArraySlice<UInt8>, into output: inout [UInt8], _ lookup: MacroText.Lookup)
        throws(MacroError)
    {
        var parser = MacroParser(text: text, depth: depth + 1, takesAll: takesAll)
        try parser.expand(into: &output, lookup)
    }

    private func nestedText(_ text: ArraySlice<UInt8>, _ lookup: MacroText.Lookup) throws(MacroError) -> String {
        var output: [UInt8] = []
        try expandNested(text, into: &output, lookup)
        return String(decoding: output, as: UTF8.self)
    }

    private func nameRun(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        text.prefix {
            ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || $0 == UInt8(ascii: "_")
        }
    }

    private func skipSpace(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> { text.drop(while: ListSetting.isSpace) }

    private func string(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private var emptyName: MacroError { MacroError(description: "empty macro name: \"\(string(text))\"") }

    private func syntax(_ what: String, _ inner: ArraySlice<UInt8>, _ place: Int) -> MacroError {
        var before = inner[inner.startIndex..<place]
        while let last = before.last, ListSetting.isSpace(last) { before.removeLast() }
        let start = before.lastIndex(of: UInt8(ascii: "{")).map { $0 + 1 } ?? before.startIndex
        return MacroError(
            description: "\(what): \"...\(string(before[start...]))>>>\(string(inner[place...].prefix(20)))\"")
    }
}
