/// Restrictions that are never reached, or that cannot know yet what they ask for, and block lists whose every answer
/// counts.
enum RestrictionOrderCheck {
    private static let stages = ["client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn"]
    private static let blockLists: Set<String> = [
        "reject_rbl_client", "reject_rhsbl_client", "reject_rhsbl_helo", "reject_rhsbl_sender",
        "reject_rhsbl_recipient",
        "reject_rhsbl_reverse_client",
    ]
    private static let final: Set<String> = ["permit", "reject", "defer"]

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

    static func problems(_ parameters: Parameters) -> [ConfigurationDiagnostic] {
        var found: [ConfigurationDiagnostic] = []
        let delays = parameters.bool("smtpd_delay_reject")
        for (order, stage) in stages.enumerated() {
            let list = "smtpd_\(stage)_restrictions"
            var words = parameters.list(list)[...]
            var previous = ""
            while let word = words.popFirst() {
                let name = RestrictionNames.folded(word)
                if blockLists.contains(name), let site = words.first {
                    if !site.utf8.contains(UInt8(ascii: "=")) {
                        found.append(
                            parameters.warning(
                                list,
                                "\(name) \(site): every answer is a listing, also one that says that the query was refused",
                                cure: "write \(site)=127.0.0.[2..11], or what the list documents"))
                    }
                }
                if stage == "data" || stage == "end_of_data", needs(name) == 3 {
                    found.append(
                        parameters.warning(
                            list,
                            "\(name) is not applied to mail for several recipients: this list is asked once a message",
                            cure: "move it to smtpd_recipient_restrictions"))
                }
                if let reason = misplaced(name, stage) {
                    found.append(
                        parameters.warning(
                            list, "\(name) never matches in this list: \(reason)", cure: "move it to another list"))
                } else if !delays, let need = needs(name), need > order {
                    found.append(
                        parameters.warning(
                            list, "\(name) never matches: what it looks at is not known with smtpd_delay_reject = no",
                            cure: "move it to a later list"))
                }
                if final.contains(name), RestrictionNames.folded(previous) != "warn_if_reject", let next = words.first {
                    found.append(
                        parameters.warning(
                            list, "\(next) and what follows is never reached: \(word) ends the list",
                            cure: "move \(word) to the end"))
                    break
                }
                previous = word
            }
        }
        return found
    }

    /// Why a restriction can never say anything in a list, whenever that is looked at.
    private static func misplaced(_ name: String, _ stage: String) -> String? {
        if name == "check_etrn_access", stage != "etrn" { return "only ETRN has a domain to look up" }
        guard stage == "etrn" else { return nil }
        return (needs(name) ?? 0) >= 2 ? "ETRN has neither sender nor recipient" : nil
    }

    /// The first stage that knows what a restriction asks for.
    private static func needs(_ name: String) -> Int? {
        if name.hasPrefix("check_recipient") || name.hasSuffix("_recipient") || name.hasSuffix("_recipient_domain")
            || name.hasSuffix("unauth_destination")
        {
            return 3
        }
        if name.hasPrefix("check_sender") || name.hasSuffix("_sender") || name.hasSuffix("_sender_domain") { return 2 }
        if name.hasPrefix("check_helo") || name.hasSuffix("_helo_hostname") { return 1 }
        return nil
    }
}
