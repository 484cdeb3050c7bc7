import Configuration
import Lookup
import MailSystem

/// Turns the text of restriction lists into `RestrictionList`s. Names that nothing knows end the start of the service.
final class RestrictionCompiler {
    let parameters: Parameters
    let settings: RestrictionSettings
    /// Nil for lists that stand in table results: those may not name tables.
    let opener: TableOpener?
    /// Mistakes become restrictions that refuse.
    private let defersErrors: Bool
    private let inert: Set<String>
    private let classes: Set<String>
    /// Restriction classes compiled so far; nil while one is being compiled (it names itself).
    private var compiled: [String: RestrictionList?]

    init(
        parameters: Parameters, settings: RestrictionSettings, opener: TableOpener?,
        compiledClasses: [String: RestrictionList] = [:], defersErrors: Bool = false, inert: Set<String> = []
    ) {
        self.defersErrors = defersErrors
        self.inert = inert
        self.parameters = parameters
        self.settings = settings
        self.opener = opener
        classes = Set(parameters.list("smtpd_restriction_classes"))
        compiled = compiledClasses
    }

    /// All of smtpd_restriction_classes, so that their tables are open before chroot.
    func compileClasses() throws(ConfigurationError) -> [String: RestrictionList] {
        var lists: [String: RestrictionList] = [:]
        for name in classes.sorted() {
            _ = try restrictionClass(name, "smtpd_restriction_classes")
            if let list = compiled[name], let list { lists[name] = list }
        }
        return lists
    }

    /// - Parameters:
    ///   - parameter: the list's name, for errors.
    ///   - mapRestriction: what a bare `type:table` means in this list; nil where it means nothing.
    func compile(_ parameter: String, mapRestriction: String?) throws(ConfigurationError) -> RestrictionList {
        try compile(text: parameters[parameter], parameter: parameter, mapRestriction: mapRestriction)
    }

    func compile(text: String, parameter: String, mapRestriction: String?) throws(ConfigurationError)
        -> RestrictionList
    {
        var arguments = RestrictionArguments(words: ListSetting.split(text)[...], compiler: self, parameter: parameter)
        var list = RestrictionList()
        var final: String?
        while let word = arguments.next() {
            let name = RestrictionNames.folded(word)
            if let final { opener?.log.warning("restriction `\(word)' after `\(final)' is ignored") }
            if Self.finalNames.contains(name), !list.endsWithWarning { final = word }
            if name == "warn_if_reject" {
                list.items.append(.warnIfReject)
            } else if word.utf8.contains(UInt8(ascii: ":")) {
                guard let mapRestriction, opener != nil else {
                    throw problem(parameter, "unexpected table \"\(word)\"", "name a check_…_access restriction")
                }
                arguments.putBack(word)
                list.items.append(.restriction(name: mapRestriction, try make(mapRestriction, &arguments)))
            } else {
                list.items.append(.restriction(name: name, try makeOrDefer(word, &arguments)))
            }
        }
        return list
    }

    private func makeOrDefer(_ word: String, _ arguments: inout RestrictionArguments) throws(ConfigurationError)
        -> any Restriction
    {
        do throws(ConfigurationError) {
            return try make(word, &arguments)
        } catch {
            guard defersErrors else { throw error }
            return MisspeltRestriction(warning: error.description)
        }
    }

    /// What ends a list.
    private static let finalNames: Set<String> = ["permit", "reject", "defer"]

    private func make(_ word: String, _ arguments: inout RestrictionArguments) throws(ConfigurationError)
        -> any Restriction
    {
        let name = RestrictionNames.folded(word)
        if inert.contains(name) { return InertRestriction() }
        if let factory = RestrictionRegistry.factories[name] {
            arguments.name = name
            do {
                return try factory(&arguments)
            } catch {
                throw error as? ConfigurationError ?? problem(arguments.parameter, "\(error)", "")
            }
        }
        if classes.contains(word) { return try restrictionClass(word, arguments.parameter) }
        if let reason = RestrictionNames.unavailable[name] {
            let what = defersErrors ? "support for restriction" : "restriction"
            throw problem(arguments.parameter, "\(what) \"\(name)\" \(reason)", "remove it from the list")
        }
        throw problem(
            arguments.parameter, "unknown smtpd restriction: \"\(word)\"",
            "correct the name, or define it in smtpd_restriction_classes")
    }

    private func restrictionClass(_ name: String, _ parameter: String) throws(ConfigurationError) -> any Restriction {
        if let known = compiled[name] {
            guard let list = known else {
                throw problem(parameter, "restriction class \"\(name)\" contains itself", "break the loop")
            }
            return RestrictionClass(list: list)
        }
        compiled[name] = .some(nil)
        let list = try compile(name, mapRestriction: nil)
        compiled[name] = list
        return RestrictionClass(list: list)
    }

    func problem(_ parameter: String, _ text: String, _ cure: String) -> ConfigurationError {
        // In a table result: the words that Postfix logs.
        if opener == nil || defersErrors { return ConfigurationError(text) }
        let place = parameters.place(of: parameter)
        return ConfigurationDiagnostic(
            .fatal, file: place?.file ?? "", line: place?.line ?? 0, "parameter \(parameter): \(text)", cure: cure
        ).error
    }
}

/// The words of a list that follow a restriction's name.
struct RestrictionArguments {
    fileprivate var words: ArraySlice<String>
    let compiler: RestrictionCompiler
    let parameter: String
    /// The restriction that is being made.
    var name = ""

    init(words: ArraySlice<String>, compiler: RestrictionCompiler, parameter: String) {
        self.words = words
        self.compiler = compiler
        self.parameter = parameter
    }

    var settings: RestrictionSettings { compiler.settings }

    mutating func next() -> String? { words.popFirst() }

    mutating func putBack(_ word: String) { words = [word] + words }

    /// The argument that the restriction cannot do without.
    mutating func required(_ what: String) throws(ConfigurationError) -> String {
        guard let word = next() else {
            throw compiler.problem(parameter, "restriction \(name) requires \(what)", "add it after the name")
        }
        return word
    }

    /// `type:table`, opened.
    mutating func table() throws(ConfigurationError) -> AccessTable {
        let word = try required("a type:table argument")
        guard word.utf8.contains(UInt8(ascii: ":")) else {
            throw compiler.problem(parameter, "restriction \(name) requires maptype:mapname", "not \"\(word)\"")
        }
        guard let opener = compiler.opener else {
            throw compiler.problem(parameter, "restriction \(name) is not possible in a table result", "use a class")
        }
        let maps = Maps(tables: [opener.open(word, options: .foldKeys)], log: opener.log)
        return AccessTable(
            name: word, lookup: AccessLookup(maps: maps, parentsMatch: settings.parentsMatchAccess), maps: maps)
    }
}

/// One that says nothing.
struct InertRestriction: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome { .dunno }
}

/// A word that is no restriction, or lacks what it needs.
struct MisspeltRestriction: Restriction {
    let warning: String

    func evaluate(_ check: Evaluation) async -> Outcome { check.misconfigured(warning) }
}

/// A name of smtpd_restriction_classes: a list inside a list.
struct RestrictionClass: Restriction {
    let list: RestrictionList

    func evaluate(_ check: Evaluation) async -> Outcome { await list.run(check) }
}
