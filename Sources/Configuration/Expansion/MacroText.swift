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
    public static func expand(
        _ text: String, extensions: Extensions = Extensions(), _ lookup: Lookup
    ) throws(MacroError) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 2)
        var parser = MacroParser(text: bytes[...], depth: 0)
        parser.extensions = extensions
        try parser.expand(into: &output, lookup)
        return String(decoding: output, as: UTF8.self)
    }

    /// What became of an expression.
    public struct Outcome: Sendable {
        /// As far as the expansion went.
        public var bytes: [UInt8] = []
        public var error: MacroError?
        /// The value of a name that is not defined was asked for, other than to test it.
        public var usesUndefined = false
    }

    /// What an expression may have beyond names and their values.
    public struct Extensions: Sendable {
        /// By the suffix of the operator: negative, zero or positive.
        public var comparisons: [String: @Sendable (String, String) -> Int] = [:]
        public var functions: [String: @Sendable (String) -> String] = [:]
        /// What `?` and `:` test of a name, where that is not the value that the lookup gives.
        public var tested: (@Sendable (String) -> String?)?

        public init() {}
    }

    /// Expands as far as possible.
    public static func evaluate(_ text: [UInt8], extensions: Extensions = Extensions(), _ lookup: Lookup) -> Outcome {
        var outcome = Outcome()
        var parser = MacroParser(text: text[...], depth: 0)
        parser.extensions = extensions
        do throws(MacroError) {
            try parser.expand(into: &outcome.bytes, lookup)
        } catch {
            outcome.error = error
        }
        outcome.usesUndefined = parser.usesUndefined
        return outcome
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
    var extensions = MacroText.Extensions()
    var usesUndefined = false

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
                try append(name, to: &output, lookup)
                index = name.endIndex
            }
        }
    }

    private mutating func append(_ name: ArraySlice<UInt8>, to output: inout [UInt8], _ lookup: MacroText.Lookup)
        throws(MacroError)
    {
        guard let value = try lookup(string(name)) else {
            usesUndefined = true
            return
        }
        output.append(contentsOf: value.utf8)
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

    private mutating func expression(_ inner: ArraySlice<UInt8>, into output: inout [UInt8], _ lookup: MacroText.Lookup)
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
            throw rest.isEmpty
                ? emptyName : syntax("attribute name syntax error at", inner, rest.startIndex, trims: false)
        }
        rest = skipSpace(rest[name.endIndex...])
        if rest.first == UInt8(ascii: "{") { return try call(name, &rest, inner, into: &output, lookup) }
        guard let next = rest.first else { return try append(name, to: &output, lookup) }
        guard next == UInt8(ascii: "?") || next == UInt8(ascii: ":") else {
            throw syntax("attribute name syntax error at", inner, name.endIndex)
        }
        var value = extensions.tested?(string(name))
        if value == nil { value = try lookup(string(name)) }
        try choose(value?.isEmpty == false, rest, inner, into: &output, lookup)
    }

    /// `name{text}`
    private mutating func call(
        _ name: ArraySlice<UInt8>, _ rest: inout ArraySlice<UInt8>, _ inner: ArraySlice<UInt8>,
        into output: inout [UInt8], _ lookup: MacroText.Lookup
    ) throws(MacroError) {
        let argument = try braced(&rest, inner)
        guard rest.isEmpty else { throw syntax("unexpected input at", inner, rest.startIndex) }
        if string(name) == "domain_to_ascii" { return try expandNested(argument, into: &output, lookup) }
        guard let function = extensions.functions[string(name)] else {
            throw MacroError(description: "bad function name at: \"...>>>\(string(name))\"")
        }
        let value = try nestedText(skipSpace(argument), lookup)
        output.append(contentsOf: function(ListSetting.trimmed(value[...])).utf8)
    }

    /// `?text`, `:text`, `?{a}`, `:{a}`, `?{a}:{b}`
    private mutating func choose(
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
        // What is taken is expanded before the rest is judged.
        let first = try braced(&rest, inner)
        if takesAll || holds == whenTrue { try expandNested(first, into: &output, lookup) }
        guard let next = rest.first else { return }
        guard whenTrue else { throw syntax("unexpected input at", inner, rest.startIndex) }
        guard next == UInt8(ascii: ":") else { throw syntax("\":\" expected at", inner, rest.startIndex) }
        var second = rest.dropFirst()
        rest = skipSpace(second)
        if rest.first == UInt8(ascii: "{") {
            second = try braced(&rest, inner)
        } else {
            rest = rest[rest.endIndex...]
        }
        if takesAll || !holds { try expandNested(second, into: &output, lookup) }
        guard rest.isEmpty else { throw syntax("unexpected input at", inner, rest.startIndex) }
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

    private mutating func comparison(
        _ rest: inout ArraySlice<UInt8>, _ inner: ArraySlice<UInt8>, _ lookup: MacroText.Lookup
    )
        throws(MacroError) -> Bool
    {
        let leftText = try braced(&rest, inner)
        let left = try nestedText(leftText, lookup)
        let place = rest.startIndex
        let symbol = rest.prefix { $0 == 0x3C || $0 == 0x3D || $0 == 0x3E || $0 == UInt8(ascii: "!") }
        guard let test = Self.comparisons[string(symbol)] else {
            throw syntax("\"==\" or \"!=\"\" or \"<\"\" or \"<=\"\" or \">=\"\" or \">\" expected at", inner, place)
        }
        let suffix = nameRun(rest[symbol.endIndex...])
        let isLevel = string(suffix) == "level"
        let comparison = extensions.comparisons[string(suffix)]
        guard isLevel || suffix.isEmpty || comparison != nil else {
            throw MacroError(
                description: "bad operator suffix at: \"...\(string(symbol))>>>\(string(suffix))\"")
        }
        rest = skipSpace(rest[suffix.endIndex...])
        guard rest.first == UInt8(ascii: "{") else {
            let before = "{\(string(leftText))} \(string(symbol))\(string(suffix))"
            throw MacroError(
                description: "\"{expression}\" expected at: \"...\(before)>>>\(string(rest.prefix(20)))\"")
        }
        let right = try nestedText(braced(&rest, inner), lookup)
        if takesAll { return true }
        if let comparison { return test(comparison(left, right)) }
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

    private mutating func expandNested(
        _ text: ArraySlice<UInt8>, into output: inout [UInt8], _ lookup: MacroText.Lookup
    ) throws(MacroError) {
        var parser = MacroParser(text: text, depth: depth + 1, takesAll: takesAll, extensions: extensions)
        defer { usesUndefined = usesUndefined || parser.usesUndefined }
        try parser.expand(into: &output, lookup)
    }

    private mutating func nestedText(_ text: ArraySlice<UInt8>, _ lookup: MacroText.Lookup) throws(MacroError) -> String
    {
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

    /// The brace that the last one closes, or the last that is open.
    private func opening(of text: ArraySlice<UInt8>) -> Int? {
        guard text.last == UInt8(ascii: "}") else { return text.lastIndex(of: UInt8(ascii: "{")) }
        var level = 0
        return text.indices.reversed().first { index in
            if text[index] == UInt8(ascii: "}") { level += 1 }
            if text[index] == UInt8(ascii: "{") { level -= 1 }
            return level == 0
        }
    }

    private func syntax(_ what: String, _ inner: ArraySlice<UInt8>, _ place: Int, trims: Bool = true) -> MacroError {
        var before = inner[inner.startIndex..<place]
        while trims, let last = before.last, ListSetting.isSpace(last) { before.removeLast() }
        let start = opening(of: before).map { $0 + 1 } ?? before.startIndex
        return MacroError(
            description: "\(what): \"...\(string(before[start...]))>>>\(string(inner[place...].prefix(20)))\"")
    }
}
