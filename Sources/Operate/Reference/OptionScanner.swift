/// Reads options as getopt(3) does with POSIXLY_CORRECT: they end at the first operand. Pure.
public struct OptionScanner {
    public enum Item: Equatable, Sendable {
        case flag(Character)
        case value(Character, String)
        /// An option that is not known, or whose argument is missing: the text that getopt prints.
        case error(String)
    }

    private let arguments: [String]
    private let known: [Character: Bool]
    /// Long names of options without an argument: `json` for `j`.
    private let longFlags: [String: Character]
    private var index = 0
    private var cluster: Substring = ""

    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - options: letters, each followed by a colon when it takes an argument.
    ///   - longFlags: Apus' own long names of flags.
    public init(_ arguments: [String], options: String, longFlags: [String: Character] = [:]) {
        self.arguments = arguments
        self.longFlags = longFlags
        var known: [Character: Bool] = [:]
        var last: Character?
        for letter in options {
            if letter == ":" {
                if let last { known[last] = true }
            } else {
                known[letter] = false
                last = letter
            }
        }
        self.known = known
    }

    public mutating func next() -> Item? {
        if cluster.isEmpty {
            guard index < arguments.count, arguments[index].hasPrefix("-"), arguments[index] != "-" else { return nil }
            let argument = arguments[index]
            index += 1
            if argument == "--" { return nil }
            if argument.hasPrefix("--"), let letter = longFlags[String(argument.dropFirst(2))] { return .flag(letter) }
            cluster = argument.dropFirst()
        }
        guard let letter = cluster.popFirst() else { return nil }
        guard let takesValue = known[letter] else { return .error("invalid option -- '\(letter)'") }
        guard takesValue else { return .flag(letter) }
        if !cluster.isEmpty {
            defer { cluster = "" }
            return .value(letter, String(cluster))
        }
        guard index < arguments.count else { return .error("option requires an argument -- '\(letter)'") }
        defer { index += 1 }
        return .value(letter, arguments[index])
    }

    /// What stands after the options.
    public var operands: [String] { Array(arguments[min(index, arguments.count)...]) }
}
