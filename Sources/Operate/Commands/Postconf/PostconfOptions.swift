import CommandReference
import Configuration

/// The command line of postconf(1).
struct PostconfOptions {
    enum Target: Character {
        case main = "p"
        case masterEntries = "M"
        case masterFields = "F"
        case masterParameters = "P"
    }

    enum Edit: Character {
        case set = "e"
        case exclude = "X"
        case comment = "#"
    }

    /// What else postconf can show.
    enum Listing: Character {
        case serverSASL = "a"
        case clientSASL = "A"
        case locks = "l"
        case tables = "m"
        case expandedBounces = "b"
        case bounces = "t"
        case tls = "T"
    }

    var target = Target.main
    /// `-PP`: every parameter of a service, set there or not.
    var allServiceParameters = false
    var edit: Edit?
    var listing: Listing?
    var tlsMode = ""
    var directory: String?
    var overrides: [(String, String)] = []
    var classes: Set<String> = ["builtin", "service", "user"]
    var defaults = false
    var explicitOnly = false
    var expands = false
    var folds = false
    var hidesNames = false
    var hidesValues = false
    var json = false
    var quiet = false
    var verbosity = 0
    /// `--explain`
    var explains = false
    var operands: [String] = []

    static let usage =
        "\(PostconfCommand.calledName) [-a (server SASL types)] [-A (client SASL types)] [-b (bounce templates)] [-c config_dir] "
        + "[-c param_class] [-d (parameter defaults)] [-e (edit configuration)] [-f (fold lines)] "
        + "[-F (master.cf fields)] [-h (no names)] [-H (no values)] [-l (lock types)] [-m (map types)] "
        + "[-M (master.cf)] [-n (non-default parameters)] [-o name=value (override parameter value)] "
        + "[-p (main.cf, default)] [-P (master.cf parameters)] [-t (bounce templates)] "
        + "[-T compile-version|run-version|public-key-algorithms] [-v (verbose)] [-x (expand parameter values)] "
        + "[-X (exclude)] [-# (comment-out)] [name...]"

    private var targetOptions: [Character] = []
    private var letters: Set<Character> = []
    private var overrideTexts: [String] = []

    init(_ arguments: [String]) throws(CommandFailure) {
        // Apus' own long options.
        explains = arguments.contains("--explain")
        json = arguments.contains("--json")
        let short = arguments.filter { $0 != "--explain" && $0 != "--json" }
        var scanner = OptionScanner(short, options: CommandSynopsis.postconf.letters)
        while let (option, value) = try scanner.nextPair(usage: "usage: \(Self.usage)") { try apply(option, value) }
        operands = scanner.operands
        try check()
        // What goes together is judged before what the options say.
        for text in overrideTexts { overrides.append(try Self.override(text)) }
    }

    private mutating func apply(_ option: Character, _ value: String) throws(CommandFailure) {
        letters.insert(option)
        switch option {
        case "c": directory = value
        case "C": classes = try Self.classes(value)
        case "d": defaults = true
        case "f": folds = true
        case "h": hidesNames = true
        case "H": hidesValues = true
        case "j": json = true
        case "n": explicitOnly = true
        case "o": overrideTexts.append(value)
        case "q": quiet = true
        case "T":
            listing = .tls
            tlsMode = value
        case "x": expands = true
        case "v": verbosity += 1
        case "e", "X", "#": edit = Edit(rawValue: option)
        case "p", "M", "F", "P":
            allServiceParameters = option == "P" && targetOptions.contains("P")
            if !targetOptions.contains(option) { targetOptions.append(option) }
            target = Target(rawValue: option) ?? .main
        default: if let other = Listing(rawValue: option) { listing = other }
        }
    }

    private static func classes(_ value: String) throws(CommandFailure) -> Set<String> {
        var result: Set<String> = []
        for name in ListSetting.split(value) {
            switch name {
            case "builtin", "service", "user": result.insert(name)
            case "all": result.formUnion(["builtin", "service", "user"])
            default: throw CommandFailure("unknown -C option value \"\(name)\" in \"\(value)\"")
            }
        }
        return result
    }

    private static func override(_ text: String) throws(CommandFailure) -> (String, String) {
        do { return try SettingText.split(text) } catch {
            throw CommandFailure("invalid parameter override: \(text): \(error.text)")
        }
    }

    /// Postfix's rules on what goes together.
    private mutating func check() throws(CommandFailure) {
        // `name=value` as the first operand asks for -e.
        if listing == nil, let first = operands.first, first.utf8.contains(UInt8(ascii: "=")) {
            letters.insert("e")
            if edit == nil { edit = .set }
        }
        if letters.contains("b"), letters.contains("t") { throw CommandFailure("specify one of -b and -t") }
        try exclusive(["a", "A", "b", "F", "l", "m", "M", "p", "P", "t", "T"])
        try exclusive(["d", "e", "n", "X", "#"])
        try exclusive(["e", "f", "X", "#"])
        try exclusive(["e", "x", "X", "#"])
        try exclusive(["d", "e", "o", "X", "#"])
        try exclusive(["e", "h", "H", "X", "#"])
        if let listing {
            try forbid(["d", "e", "f", "h", "H", "n", "o", "x", "X", "#"], with: listing.rawValue)
            if operands.count > 1, listing == .bounces || listing == .expandedBounces {
                throw CommandFailure("options -b and -t require at most one template file")
            }
        }
        switch target {
        case .masterEntries: try forbid(["d", "h", "H", "n"], with: "M")
        case .masterFields: try forbid(["d", "n", "X", "#"], with: "F")
        case .masterParameters: try forbid(["d", "n", "#"], with: "P")
        case .main: break
        }
    }

    private func forbid(_ options: [Character], with option: Character) throws(CommandFailure) {
        let given = options.filter(letters.contains)
        if !given.isEmpty {
            throw CommandFailure("with option -\(option), do not specify \(Self.list(given))")
        }
    }

    private func exclusive(_ options: [Character]) throws(CommandFailure) {
        let given = options.filter(letters.contains)
        if given.count > 1 {
            throw CommandFailure("specify one of \(Self.list(given))")
        }
    }

    private static func list(_ options: [Character]) -> String { options.map { "-\($0)" }.joined(separator: " ") }
}

/// `name = value` on a command line.
enum SettingText {
    /// Throws Postfix's complaint, without the text itself.
    static func split(_ text: String) throws(CommandFailure) -> (String, String) {
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
            throw CommandFailure("missing '=' after attribute name")
        }
        let name = ListSetting.trimmed(text[..<equals])
        if name.isEmpty { throw CommandFailure("missing attribute name") }
        if name.utf8.contains(where: ListSetting.isSpace) { throw CommandFailure("missing '=' after attribute name") }
        return (name, ListSetting.trimmed(text[text.utf8.index(after: equals)...]))
    }
}
