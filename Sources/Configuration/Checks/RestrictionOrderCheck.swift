/// Restrictions that are never reached, or that cannot know yet what they ask for, and DNS lists whose every answer
/// counts.
struct RestrictionOrderCheck {
    private let lists: RestrictionLists
    private let parameters: Parameters

    static func problems(_ parameters: Parameters) -> [ConfigurationDiagnostic] {
        RestrictionOrderCheck(lists: RestrictionLists(parameters), parameters: parameters).problems()
    }

    /// postscreen_dnsbl_sites: `domain=filter*weight`.
    static func blockListProblems(postscreen parameters: Parameters) -> [ConfigurationDiagnostic] {
        parameters.list("postscreen_dnsbl_sites").filter { !$0.utf8.contains(UInt8(ascii: "=")) }.map { site in
            let domain = site.prefix { $0 != "*" }
            return parameters.warning(
                "postscreen_dnsbl_sites",
                "\(domain): every answer is a listing, also one that says that the query was refused",
                cure: "write \(domain)=127.0.0.[2..11]\(site.dropFirst(domain.count)), or what the list documents")
        }
    }

    private func problems() -> [ConfigurationDiagnostic] {
        let delays = parameters.bool("smtpd_delay_reject")
        var found: [ConfigurationDiagnostic] = []
        for (order, stage) in RestrictionLists.stages.enumerated() {
            let list = "smtpd_\(stage)_restrictions"
            let rules = lists.rules(stage: stage)
            for rule in rules { found += dnsListProblem(rule, in: list) }
            for rule in rules + classRules(rules, stage) {
                found += placeProblem(rule, in: list, stage: stage, order: order, delays: delays)
            }
            found += reachProblem(rules, in: list, stage: stage)
        }
        for name in parameters.list("smtpd_restriction_classes") {
            let rules = lists.rules(of: name, stage: "recipient") ?? []
            for rule in rules { found += dnsListProblem(rule, in: name) }
            found += reachProblem(rules, in: name, stage: "recipient")
        }
        return found
    }

    /// The restrictions of the classes that a list names.
    private func classRules(_ rules: [RestrictionRule], _ stage: String) -> [RestrictionRule] {
        var inner: [RestrictionRule] = []
        for rule in rules where lists.classes.contains(rule.word) {
            _ = lists.first([rule], stage: stage) { (rule: RestrictionRule) -> Bool? in
                inner.append(rule)
                return nil
            }
        }
        return inner
    }

    // MARK: DNS lists

    private static let blockLists: Set<String> = [
        "reject_rbl", "reject_rbl_client", "reject_rhsbl_client", "reject_rhsbl_helo", "reject_rhsbl_sender",
        "reject_rhsbl_recipient", "reject_rhsbl_reverse_client",
    ]
    private static let allowLists: Set<String> = ["permit_dnswl_client", "permit_rhswl_client"]

    private func dnsListProblem(_ rule: RestrictionRule, in list: String) -> [ConfigurationDiagnostic] {
        guard let site = rule.argument, !site.utf8.contains(UInt8(ascii: "=")) else { return [] }
        let meaning: String
        if Self.blockLists.contains(rule.name) {
            meaning = "a listing"
        } else if Self.allowLists.contains(rule.name) {
            meaning = "a permission"
        } else {
            return []
        }
        return [
            parameters.warning(
                list,
                "\(rule.name) \(site): every answer is \(meaning), also one that says that the query was refused",
                cure: "write \(site)=127.0.0.[2..11], or what the list documents")
        ]
    }

    // MARK: Lists that come too early, or where nobody asks

    private func placeProblem(
        _ rule: RestrictionRule, in list: String, stage: String, order: Int, delays: Bool
    ) -> [ConfigurationDiagnostic] {
        func problem(_ text: String, _ cure: String) -> [ConfigurationDiagnostic] {
            [parameters.warning(list, text, cure: cure)]
        }
        let name = rule.name
        if let reason = Self.misplaced(name, stage) {
            return problem("\(name) never matches in this list: \(reason)", "move it to another list")
        }
        if stage == "data" || stage == "end_of_data" {
            guard Self.needs(name) == 3 else { return [] }
            return problem(
                "\(name) is not applied to mail for several recipients: this list is asked once a message",
                "move it to smtpd_recipient_restrictions")
        }
        if !delays, stage != "etrn", let need = Self.needs(name), need > order {
            return problem(
                "\(name) never matches: what it looks at is not known with smtpd_delay_reject = no",
                "move it to a later list")
        }
        return []
    }

    /// Why a restriction can never say anything in a list, whenever that is looked at.
    private static func misplaced(_ name: String, _ stage: String) -> String? {
        if name == "check_etrn_access", stage != "etrn" { return "only ETRN has a domain to look up" }
        if name == "reject_multi_recipient_bounce", !stage.hasSuffix("data") {
            return "the number of recipients is not known yet"
        }
        guard stage == "etrn" else { return nil }
        return needs(name).map { $0 >= 2 } == true && !name.hasPrefix("permit_") && name != "check_sasl_access"
            ? "ETRN has neither sender nor recipient" : nil
    }

    /// The first stage that knows what a restriction asks for.
    private static func needs(_ name: String) -> Int? {
        if name.hasPrefix("check_recipient") || name.hasSuffix("_recipient") || name.hasSuffix("_recipient_domain")
            || name.hasSuffix("unauth_destination") || name == "permit_auth_destination" || name == "permit_mx_backup"
        {
            return 3
        }
        if name.hasPrefix("check_sender") || name.hasSuffix("_sender") || name.hasSuffix("_sender_domain")
            || name.hasSuffix("_login_mismatch")
        {
            return 2
        }
        // RFC 4954 §4, RFC 3207 §4: AUTH and STARTTLS come behind EHLO.
        if ["permit_sasl_authenticated", "check_sasl_access", "check_ccert_access"].contains(name)
            || name.hasPrefix("permit_tls_")
        {
            return 2
        }
        if name.hasPrefix("check_helo") || name.hasSuffix("_helo_hostname") || name == "reject_rhsbl_helo" { return 1 }
        return nil
    }

    // MARK: What is never reached

    private func reachProblem(
        _ rules: [RestrictionRule], in list: String, stage: String
    ) -> [ConfigurationDiagnostic] {
        var destinations: Set<String> = []
        for (rule, next) in zip(rules, rules.dropFirst()) {
            var end = ends(rule, stage: stage) ? (rule.argument.map { "\(rule.word) \($0)" } ?? rule.word) : nil
            if rule.argument == rule.word { end = end.map { _ in rule.word } }
            switch rule.name {
            case "reject_unauth_destination", "defer_unauth_destination":
                if !rule.isWarned { destinations.insert("refused") }
            case "permit_auth_destination": destinations.insert("permitted")
            default: break
            }
            if end == nil, destinations.count == 2 { end = rule.word }
            guard let end else { continue }
            return [
                parameters.warning(
                    list, "\(next.word) and what follows is never reached: \(end) ends the list",
                    cure: "move \(end) to the end")
            ]
        }
        return []
    }

    /// Whether no client gets past a restriction.
    private func ends(_ rule: RestrictionRule, stage: String) -> Bool {
        lists.first([rule], stage: stage) { Self.isFinal($0) ? true : nil } ?? false
    }

    private static func isFinal(_ rule: RestrictionRule) -> Bool {
        switch rule.name {
        case "permit": return true
        case "reject", "defer": return !rule.isWarned
        case "check_client_access", "check_recipient_access", "check_sender_access":
            // A table that says the same to everybody.
            guard let table = rule.argument, let value = StaticTableText.value(table),
                let effect = RestrictionEffect.of(action: value)
            else { return false }
            return effect == .permits || (effect == .refuses && !rule.isWarned)
        default: return false
        }
    }
}

/// `static:value` and `static:{ value }`.
enum StaticTableText {
    static func value(_ table: String) -> String? {
        let prefix = "static:"
        guard table.hasPrefix(prefix) else { return nil }
        let text = String(table.dropFirst(prefix.count))
        return ListSetting.unbraced(text) ?? text
    }
}
