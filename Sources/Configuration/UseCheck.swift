/// Names in main.cf and master.cf that nothing reads, and parameters that Apus does not act on yet.
struct UseCheck {
    let parameters: Parameters
    let master: MasterConfiguration?

    func problems() -> [ConfigurationDiagnostic] {
        let used = namesReferredTo()
        var found: [ConfigurationDiagnostic] = []
        for name in parameters.namesSet {
            guard let place = parameters.place(of: name), place.file != "-o" else { continue }
            let value = parameters.raw(name) ?? ""
            if let text = problem(name, value, used) {
                found.append(
                    ConfigurationDiagnostic(.warning, file: place.file, line: place.line, text.0, cure: text.1))
            }
        }
        guard let master else { return found }
        for service in master.services {
            for override in service.overrides {
                if let text = problem(override.name, override.value, used) {
                    found.append(
                        ConfigurationDiagnostic(.warning, file: master.file, line: service.line, text.0, cure: text.1))
                }
            }
        }
        return found
    }

    private func problem(_ name: String, _ value: String, _ used: Set<String>) -> (String, String)? {
        guard let definition = ParameterCatalogue.definition(name) else {
            if used.contains(name) || isPerService(name) || isRestrictionClass(name) { return nil }
            return ("unused parameter: \(name)=\(value)", "correct the name or remove the setting")
        }
        if definition.isImplemented { return nil }
        switch definition.lifeCycle {
        case .obsolete, .removed:
            return used.contains(name)
                ? nil : ("support for parameter \"\(name)\" has been removed", "remove the setting")
        case .system: return ("read-only parameter assignment: \(name)=\(value)", "remove the setting")
        case .template: return ("unused parameter: \(name)=\(value)", "put the master.cf service's name for transport")
        default:
            if Self.absentFeatures.contains(name), !parameters.bool(name) { return nil }
            // A setting that only repeats the default changes nothing.
            if parameters[name] == parameters.store.defaultValue(name) ?? "" { return nil }
            return ("parameter not implemented by Apus: \(name)=\(value)", "the setting has no effect")
        }
    }

    /// What Apus does not do at all: `no` is then in effect.
    private static let absentFeatures: Set<String> = ["biff"]

    /// `$name` in main.cf and in master.cf's overrides.
    private func namesReferredTo() -> Set<String> {
        var names: Set<String> = []
        for name in parameters.namesSet { names.formUnion(MacroText.names(in: parameters.raw(name) ?? "")) }
        for service in master?.services ?? [] {
            for override in service.overrides { names.formUnion(MacroText.names(in: override.value)) }
        }
        for definition in ParameterCatalogue.all where definition.defaultValue.utf8.contains(UInt8(ascii: "$")) {
            names.formUnion(MacroText.names(in: definition.defaultValue))
        }
        // ldap:name, mysql:name …: parameters whose names start with the table's.
        for name in parameters.namesSet {
            for item in parameters.list(name) {
                for type in Self.databaseTypes where item.contains(type) {
                    guard let tail = item.split(separator: ":").last, !tail.hasPrefix("/") else { continue }
                    names.formUnion(parameters.namesSet.filter { $0.hasPrefix(tail + "_") })
                }
            }
        }
        return names
    }

    private static let databaseTypes = ["ldap:", "mysql:", "pgsql:", "sqlite:", "memcache:", "mongodb:"]

    /// `spamass-dovecot_destination_recipient_limit`: a suffix of a documented template after a service's name. Without
    /// master.cf any name will do.
    private func isPerService(_ name: String) -> Bool {
        for suffix in Self.suffixes where name.hasSuffix(suffix) {
            guard let master else { return true }
            let service = name.dropLast(suffix.utf8.count)
            if master.services.contains(where: { $0.name == service }) { return true }
        }
        return false
    }

    private static let suffixes: [String] =
        ParameterCatalogue.all.filter { $0.lifeCycle == .template }.map { String($0.name.dropFirst("transport".count)) }
        + ["_delivery_status_filter", "_dns_reply_filter"]

    private func isRestrictionClass(_ name: String) -> Bool { classes.contains(name) }

    private var classes: [String] { parameters.list("smtpd_restriction_classes") }
}
