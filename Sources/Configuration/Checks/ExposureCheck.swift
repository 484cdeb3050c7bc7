/// Who may relay, and whether passwords travel in the clear.
struct ExposureCheck {
    let files: any DeepCheck.Files
    let service: MasterService
    let parameters: Parameters
    /// master.cf
    let file: String

    /// A client, a recipient and so on of whom no configuration can know (RFC 5737, RFC 3849, RFC 2606).
    private static let strangers = ["203.0.113.77", "2001:db8::203:113:77"]
    private static let domains = ["stranger.example.net", "stranger.example.org"]

    func problems() -> [ConfigurationDiagnostic] {
        if isLocal { return [] }
        return networkProblems() + relayProblems() + passwordProblems()
    }

    /// Only this machine can connect.
    private var isLocal: Bool {
        switch service.kind {
        case .inet: break
        // postscreen hands its clients to a service of type pass.
        case .pass: return false
        default: return true
        }
        guard let colon = service.name.lastIndex(of: ":"), colon != service.name.startIndex else {
            // A machine that has no other address today may get one.
            if parameters.list("inet_interfaces").contains("all") { return false }
            let addresses = parameters.interfaceAddresses
            return !addresses.isEmpty && addresses.allSatisfy(Self.isLoopback)
        }
        let host = service.name[..<colon].drop { $0 == "[" }.prefix { $0 != "]" }
        return host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }

    private static func isLoopback(_ address: [UInt8]) -> Bool {
        address.count == 4 ? address.first == 127 : address.dropLast().allSatisfy { $0 == 0 } && address.last == 1
    }

    private func warn(_ text: String, _ cure: String) -> ConfigurationDiagnostic {
        ConfigurationDiagnostic(
            .warning, file: file, line: service.line, "service \(service.name): \(text)", cure: cure)
    }

    // MARK: Networks and domains

    private func networkProblems() -> [ConfigurationDiagnostic] {
        var found: [ConfigurationDiagnostic] = []
        let cure = "name your own networks"
        for network in parameters.list("mynetworks") {
            guard let share = Self.internetShare(network) else { continue }
            found.append(
                parameters.warning(
                    "mynetworks", "\(network) is \(share) Internet: permit_mynetworks relays for everybody", cure: cure)
            )
        }
        // What stands in files and tables.
        let networks = parameters["mynetworks"]
        if found.isEmpty, let stranger = Self.strangers.first(where: { files.networks(networks, hold: $0) }) {
            found.append(
                parameters.warning(
                    "mynetworks", "even \(stranger) is in it: permit_mynetworks relays for everybody", cure: cure))
        }
        let relayed = parameters["relay_domains"]
        if !relayed.isEmpty, Self.domains.allSatisfy({ files.domains(relayed, hold: $0) }) {
            found.append(
                parameters.warning(
                    "relay_domains", "every domain is in it: the server relays for everybody",
                    cure: "name your own domains"))
        }
        return found
    }

    /// How much of the Internet a network is, when that is more than any one site has: `the whole`, `a large part of the`.
    private static func internetShare(_ network: String) -> String? {
        let parts = network.split(separator: "/")
        guard parts.count == 2, !network.hasPrefix("!"), let bits = Int(parts[1]) else { return nil }
        if bits == 0 { return "the whole" }
        // fc00::/7 and 10.0.0.0/8 are the largest private networks (RFC 4193, RFC 1918).
        return bits < (parts[0].contains(":") ? 7 : 8) ? "a large part of the" : nil
    }

    // MARK: Relaying

    private enum Verdict {
        case refuses
        /// By which restriction of which list, and why.
        case permits(String)
    }

    /// Both lists are asked: strangers relay when neither stops them.
    private func relayProblems() -> [ConfigurationDiagnostic] {
        var reasons: [(list: String, reason: String)] = []
        for stage in ["relay", "recipient"] {
            let lists = RestrictionLists(parameters)
            let rules = lists.rules(stage: stage)
            switch lists.first(rules, stage: stage, { verdict($0, lists) }) {
            case .refuses: return []
            case .permits(let reason): reasons.append(("smtpd_\(stage)_restrictions", reason))
            // Its end permits; that none of them refuses at all keeps a service from starting.
            case nil: break
            }
        }
        guard let (list, reason) = reasons.first else { return [] }
        return [
            parameters.warning(
                list, "\(reason): service \(service.name) relays for everybody",
                cure: "put reject_unauth_destination before it")
        ]
    }

    private func verdict(_ rule: RestrictionRule, _ lists: RestrictionLists) -> Verdict? {
        switch rule.name {
        case "reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "defer_if_permit":
            return rule.isWarned ? nil : .refuses
        case "permit": return .permits("permit stands before reject_unauth_destination")
        default: return tableVerdict(rule, lists)
        }
    }

    /// What an access table says to a stranger. Sender, HELO name and the name of the client are what the client says.
    private func tableVerdict(_ rule: RestrictionRule, _ lists: RestrictionLists) -> Verdict? {
        guard let table = rule.argument, let subject = Self.subjects[rule.name] else { return nil }
        let keys: [String]
        switch subject {
        case .address: keys = Self.strangers + Self.domains
        case .claim: keys = Self.domains + Self.domains.map { "somebody@\($0)" }
        case .recipient: keys = Self.domains.map { "somebody@\($0)" }
        }
        if let action = files.value(table, keys) {
            let effect = RestrictionEffect.of(action: action)
            if effect == .refuses, !rule.isWarned { return .refuses }
            if effect == .permits {
                return .permits("\(rule.word) \(table) permits everybody before reject_unauth_destination")
            }
            if effect == nil {
                // A list of restrictions, or a class.
                let inner = RestrictionRule.parse(ListSetting.split(action), stage: "recipient")
                return lists.first(inner, stage: "recipient") { verdict($0, lists) }
            }
        }
        guard subject == .claim, files.values(table).contains(where: { RestrictionEffect.of(action: $0) == .permits })
        else {
            return nil
        }
        return .permits("\(rule.word) \(table) permits what any client can claim before reject_unauth_destination")
    }

    private enum Subject { case address, claim, recipient }

    private static let subjects: [String: Subject] = [
        "check_client_access": .address, "check_reverse_client_hostname_access": .claim, "check_helo_access": .claim,
        "check_sender_access": .claim, "check_recipient_access": .recipient,
    ]

    // MARK: Passwords

    private func passwordProblems() -> [ConfigurationDiagnostic] {
        guard parameters.bool("smtpd_sasl_auth_enable") else { return [] }
        let use = TLSUse("smtpd", parameters)
        let onlyWithTLS = parameters.bool("smtpd_tls_auth_only")
        if onlyWithTLS, !use.isOn {
            return [
                warn(
                    "passwords are taken with TLS only, and TLS is off: nobody can log in",
                    "set smtpd_tls_security_level=may, or encrypt")
            ]
        }
        // Without these mechanisms no password is sent as it is.
        let options = parameters.list("smtpd_sasl_security_options")
        if use.isRequired || onlyWithTLS || options.contains("noplaintext") { return [] }
        return [
            warn("passwords are taken without TLS", "set smtpd_tls_security_level=encrypt, or smtpd_tls_auth_only=yes")
        ]
    }
}
