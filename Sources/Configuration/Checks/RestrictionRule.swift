/// One restriction of a smtpd list, with what belongs to it.
struct RestrictionRule {
    /// As main.cf has it.
    let word: String
    /// Folded; that of the check_…_access restriction where only a table is named.
    let name: String
    let argument: String?
    /// Behind `warn_if_reject`: what it refuses is only logged.
    let isWarned: Bool

    /// - Parameter stage: of the list, `client` …; says what a table alone is asked for.
    static func parse(_ words: [String], stage: String) -> [RestrictionRule] {
        var rules: [RestrictionRule] = []
        var rest = words[...]
        var isWarned = false
        while let word = rest.popFirst() {
            let name = RestrictionNames.folded(word)
            if name == "warn_if_reject" {
                isWarned = true
                continue
            }
            if word.utf8.contains(UInt8(ascii: ":")) {
                let subject = stage == "relay" ? "recipient" : stage
                rules.append(
                    RestrictionRule(word: word, name: "check_\(subject)_access", argument: word, isWarned: isWarned))
            } else {
                let takesArgument =
                    RestrictionNames.arguments[name].map { $0 != .none } ?? (name == "check_policy_service")
                rules.append(
                    RestrictionRule(
                        word: word, name: name, argument: takesArgument ? rest.popFirst() : nil, isWarned: isWarned))
            }
            isWarned = false
        }
        return rules
    }
}

/// What a restriction does to a client about whom nothing is known.
enum RestrictionEffect {
    case none, permits, refuses

    /// Of an action in an access(5) table; nil for a list of restrictions.
    static func of(action: String) -> RestrictionEffect? {
        let word = action.split(separator: " ", maxSplits: 1).first.map(String.init) ?? ""
        if let first = word.utf8.first, first == UInt8(ascii: "4") || first == UInt8(ascii: "5"), word.utf8.count == 3,
            Int(word) != nil, word.utf8.count < action.utf8.count
        {
            return .refuses
        }
        if !word.isEmpty, word.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) { return .permits }
        switch RestrictionNames.folded(word) {
        case "ok", "permit": return .permits
        case "reject", "defer", "discard", "defer_if_permit": return .refuses
        case "dunno", "hold", "prepend", "redirect", "bcc", "filter", "info", "warn", "": return RestrictionEffect.none
        default: return nil
        }
    }
}

/// The restriction lists of a service, with its classes.
struct RestrictionLists {
    let parameters: Parameters
    let classes: Set<String>

    init(_ parameters: Parameters) {
        self.parameters = parameters
        classes = Set(parameters.list("smtpd_restriction_classes"))
    }

    static let stages = ["client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn"]

    func rules(stage: String) -> [RestrictionRule] {
        RestrictionRule.parse(parameters.list("smtpd_\(stage)_restrictions"), stage: stage)
    }

    func rules(of name: String, stage: String) -> [RestrictionRule]? {
        classes.contains(name) ? RestrictionRule.parse(parameters.list(name), stage: stage) : nil
    }

    /// Follows `rules` until `effect` decides for one of them, into classes too.
    /// - Parameter effect: of a restriction that is no class; nil: look on.
    func first<Result>(
        _ rules: [RestrictionRule], stage: String, _ effect: (RestrictionRule) -> Result?
    ) -> Result? {
        var seen: Set<String> = []
        return first(rules, stage, &seen, effect)
    }

    private func first<Result>(
        _ rules: [RestrictionRule], _ stage: String, _ seen: inout Set<String>, _ effect: (RestrictionRule) -> Result?
    ) -> Result? {
        for rule in rules {
            if let inner = self.rules(of: rule.word, stage: stage) {
                // A class that contains itself adds nothing new.
                guard seen.insert(rule.word).inserted else { continue }
                defer { seen.remove(rule.word) }
                let warned =
                    rule.isWarned
                    ? inner.map {
                        RestrictionRule(word: $0.word, name: $0.name, argument: $0.argument, isWarned: true)
                    } : inner
                if let result = first(warned, stage, &seen, effect) { return result }
            } else if let result = effect(rule) {
                return result
            }
        }
        return nil
    }
}
