extension Parameters {
    /// Refuses what Postfix's programs refuse: the first bad value is thrown.
    public func validate() throws(ConfigurationError) {
        if let problem = diagnostics(master: nil).first(where: { $0.severity == .fatal }) { throw problem.error }
    }

    /// What is wrong or without effect in main.cf, and in the overrides of this snapshot.
    public var diagnostics: [ConfigurationDiagnostic] { diagnostics(master: nil) }

    /// All of it: main.cf, and with `master` its lines too. Start, reload and check log the warnings and refuse the
    /// configuration when one is fatal.
    public func diagnostics(master: MasterConfiguration?) -> [ConfigurationDiagnostic] {
        var found = store.main.diagnostics
        found += ValueCheck(parameters: self).problems()
        found += UseCheck(parameters: self, master: master).problems()
        guard let master else { return found }
        found += master.diagnostics
        for service in master.services where service.program == "smtpd" {
            found += RestrictionListCheck.problems(service.parameters(self))
        }
        for service in master.services where !service.overrides.isEmpty {
            let own = service.parameters(self)
            let names = Set(service.overrides.map(\.name))
            found += ValueCheck(parameters: own).problems(of: names)
        }
        return found
    }
}

/// Bad values, in Postfix's words.
struct ValueCheck {
    let parameters: Parameters

    /// Of every parameter: a default may depend on a bad value, and the line of that one is then named.
    func problems() -> [ConfigurationDiagnostic] {
        var found: [ConfigurationDiagnostic] = []
        for definition in ParameterCatalogue.all where definition.isListed && definition.lifeCycle != .obsolete {
            if parameters.isSet(definition.name) || definition.defaultValue.utf8.contains(UInt8(ascii: "$")) {
                if let problem = problem(definition) { found.append(problem) }
            }
        }
        for name in parameters.namesSet where ParameterCatalogue.definition(name) == nil {
            if let error = parameters.store.failure(name) { found.append(diagnostic(name, error.description)) }
        }
        return found
    }

    func problems(of names: Set<String>) -> [ConfigurationDiagnostic] {
        names.sorted().compactMap { name in
            if let definition = ParameterCatalogue.definition(name) { return problem(definition) }
            return parameters.store.failure(name).map { diagnostic(name, $0.description) }
        }
    }

    private func problem(_ definition: ParameterDefinition) -> ConfigurationDiagnostic? {
        let name = definition.name
        if definition.kind == .raw { return nil }
        if let error = parameters.store.failure(name) {
            return diagnostic(name, "parameter \(name): \(error.description)", "correct the $ expression")
        }
        let value = parameters[name]
        switch definition.kind {
        case .boolean:
            if BooleanSetting.parse(value) == nil {
                return diagnostic(name, "bad boolean configuration: \(name) = \(value)", "specify yes or no")
            }
        case .integer:
            guard let number = ParameterStore.number(value) else {
                return diagnostic(name, "bad numerical configuration: \(name) = \(value)", "specify a whole number")
            }
            if let minimum = definition.minimum, number < minimum {
                return diagnostic(name, "invalid \(name) parameter value \(number) < \(minimum)")
            }
            if let maximum = definition.maximum, number > maximum {
                return diagnostic(name, "invalid \(name) parameter value \(number) > \(maximum)")
            }
        case .time:
            guard let seconds = TimeSetting.seconds(value, defaultUnit: definition.timeUnit) else {
                return diagnostic(
                    name, "parameter \(name): bad time value or unit: \(value)",
                    "specify a number with one of the units s, m, h, d, w")
            }
            if let minimum = definition.minimum, seconds < minimum {
                return diagnostic(name, "invalid \(name): \(value) (min \(minimum))")
            }
            if let maximum = definition.maximum, seconds > maximum {
                return diagnostic(name, "invalid \(name): \(value) (max \(maximum))")
            }
        case .string, .raw:
            let length = value.utf8.count
            if let minimum = definition.minimum, length < minimum {
                return diagnostic(name, "bad string length \(length) < \(minimum): \(name) = \(value)")
            }
            if let maximum = definition.maximum, length > maximum {
                return diagnostic(name, "bad string length \(length) > \(maximum): \(name) = \(value)")
            }
            return form(name, value)
        }
        return nil
    }

    /// Values with a form of their own that every Postfix program checks.
    private func form(_ name: String, _ value: String) -> ConfigurationDiagnostic? {
        switch name {
        case "myhostname", "mydomain":
            if HostNameForm.isValid(value) { return nil }
            return diagnostic(
                name, "parameter \(name): bad parameter value: \(value)", "specify a host name such as mail.example.com"
            )
        case "compatibility_level":
            if CompatibilityLevel(value) != nil { return nil }
            return diagnostic(name, "malformed compatibility level syntax: \"\(value)\"")
        case "mynetworks_style":
            if ["class", "subnet", "host"].contains(value) { return nil }
            return diagnostic(
                name, "unknown mynetworks mask style value \"\(value)\" in \"\(value)\"",
                "specify class, subnet or host")
        case "inet_interfaces":
            guard let bad = ListSetting.split(value).first(where: { !parameters.store.isInterface($0) }) else {
                return nil
            }
            return diagnostic(
                name, "config variable inet_interfaces: host not found: \(bad)",
                "specify all, loopback-only, addresses, or names of this machine")
        case "inet_protocols":
            guard let bad = ListSetting.split(value).first(where: { !["all", "ipv4", "ipv6"].contains($0) }) else {
                return nil
            }
            return diagnostic(
                name, "unknown inet_protocols value \"\(bad)\" in \"\(value)\"", "specify all, ipv4 or ipv6")
        case "syslog_facility":
            if Self.facilities.contains(value) { return nil }
            return diagnostic(name, "parameter \(name): unrecognized value: \(value)")
        default: return nil
        }
    }

    private static let facilities: Set<String> = [
        "auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "security", "syslog", "user",
        "uucp",
        "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ]

    private func diagnostic(_ name: String, _ text: String, _ cure: String = "") -> ConfigurationDiagnostic {
        let place = parameters.place(of: name) ?? inherited(name)
        return ConfigurationDiagnostic(
            .fatal, file: place?.file ?? "", line: place?.line ?? 0, text, cure: cure)
    }

    /// For a default: where the first parameter stands that it depends on and that is set.
    private func inherited(_ name: String) -> (file: String, line: Int)? {
        let text = ParameterCatalogue.definition(name)?.defaultValue ?? ""
        return MacroText.names(in: text).lazy.compactMap { parameters.place(of: $0) }.first
    }
}

/// What Postfix calls a valid host name: RFC 1123 labels, not an address.
enum HostNameForm {
    static func isValid(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard !bytes.isEmpty, bytes.count <= 255 else { return false }
        var hasLetter = false
        for label in bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard let first = label.first, let last = label.last, label.count <= 63 else { return false }
            guard first != UInt8(ascii: "-"), last != UInt8(ascii: "-") else { return false }
            for byte in label {
                switch byte {
                case 0x30...0x39: break
                case 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x80...0xFF: hasLetter = true
                default: return false
                }
            }
        }
        return hasLetter
    }
}
