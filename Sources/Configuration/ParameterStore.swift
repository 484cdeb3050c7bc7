import Synchronization

/// The settings of one snapshot and the values expanded so far.
final class ParameterStore: Sendable {
    let directory: String
    let main: MainFile
    let overrides: [ParameterSetting]
    let settings: [String: ParameterSetting]
    let order: [String]
    let processName: String
    let service: String
    let facts: HostFacts
    private let cache = Mutex(Cache())

    private struct Cache {
        var values: [String: String] = [:]
        /// What `value` has answered: a raw parameter's is not that which others expand it to.
        var answers: [String: String] = [:]
        var addresses: [InterfaceAddress]?
    }

    /// Postfix's limit for a parameter whose value names a parameter whose value …
    static let depthLimit = 100

    init(
        directory: String, main: MainFile, overrides: [ParameterSetting], processName: String, service: String,
        facts: HostFacts
    ) {
        self.directory = directory
        self.main = main
        self.overrides = overrides
        self.processName = processName
        self.service = service
        self.facts = facts
        var settings: [String: ParameterSetting] = [:]
        settings.reserveCapacity(main.settings.count + overrides.count)
        var order: [String] = []
        for setting in main.settings + overrides {
            if settings.updateValue(setting, forKey: setting.name) == nil { order.append(setting.name) }
        }
        self.settings = settings
        self.order = order
    }

    // MARK: Expansion

    /// The value as daemons read it: expanded, except for the few whose reader expands them itself.
    func value(_ name: String) -> String? {
        if let known = cache.withLock({ $0.answers[name] }) { return known }
        guard let value = read(name) else { return nil }
        cache.withLock { $0.answers[name] = value }
        return value
    }

    private func read(_ name: String) -> String? {
        if let definition = ParameterCatalogue.definition(name), definition.kind == .raw {
            return settings[name]?.value ?? definition.defaultValue
        }
        do {
            return try evaluate(name, depth: 0)
        } catch {
            return defaultValue(name) ?? ""
        }
    }

    /// Why a value cannot be expanded, nil when it can.
    func failure(_ name: String) -> MacroError? {
        do {
            _ = try evaluate(name, depth: 0)
            return nil
        } catch {
            return error
        }
    }

    /// The expanded default, whatever main.cf says of this parameter.
    func defaultValue(_ name: String) -> String? {
        guard let text = try? unexpandedDefault(name, depth: 1) else { return nil }
        return (try? expand(text, depth: 1)) ?? ""
    }

    func expand(_ text: String, depth: Int) throws(MacroError) -> String {
        var extensions = MacroText.Extensions()
        // Postfix looks whether a parameter has a value, not what becomes of its `$` expressions.
        extensions.tested = { [self] name in settings[name]?.value ?? (try? unexpandedDefault(name, depth: depth + 1)) }
        return try MacroText.expand(text, extensions: extensions) { (name) throws(MacroError) in
            try self.evaluate(name, depth: depth + 1)
        }
    }

    private func evaluate(_ name: String, depth: Int) throws(MacroError) -> String? {
        if let known = cache.withLock({ $0.values[name] }) { return known }
        guard depth <= Self.depthLimit else {
            throw MacroError.endless(name)
        }
        var value: String
        if let setting = settings[name] {
            value = try expand(setting.value, depth: depth)
        } else if let text = try unexpandedDefault(name, depth: depth) {
            value = try expand(text, depth: depth)
        } else {
            return nil
        }
        // Debian: a file name instead of a domain.
        if name == "myorigin", value.utf8.first == UInt8(ascii: "/") { value = facts.firstLine(value) ?? value }
        let result = value
        cache.withLock { $0.values[name] = result }
        return result
    }

    private func unexpandedDefault(_ name: String, depth: Int) throws(MacroError) -> String? {
        switch name {
        case "config_directory": return directory
        case "process_name": return processName
        case "service_name": return service
        case "process_id": return ProcessIdentity.text
        case "myhostname": return defaultHostName
        case "mydomain": return try defaultDomain(depth: depth)
        case "mynetworks":
            // Their own values may refer to this one.
            let style = try evaluate("mynetworks_style", depth: depth + 1) ?? "host"
            return OwnNetworks.networks(style: style, addresses: try ownAddresses(depth: depth + 1))
        default:
            guard let definition = ParameterCatalogue.definition(name), definition.lifeCycle != .removed else {
                return nil
            }
            return definition.defaultValue
        }
    }

    /// The machine's name; one without a dot gets mydomain, if main.cf sets it, or `localdomain`.
    private var defaultHostName: String {
        if facts.hostName.utf8.contains(UInt8(ascii: ".")) { return facts.hostName }
        let domain = refers("mydomain", to: "myhostname") ? nil : settings["mydomain"]?.value
        return facts.hostName + "." + (domain ?? "localdomain")
    }

    /// myhostname without its first label.
    private func defaultDomain(depth: Int) throws(MacroError) -> String {
        // myhostname may be made of mydomain: then that has the default of a machine without a name.
        if refers("myhostname", to: "mydomain") { return "localdomain" }
        let host = try evaluate("myhostname", depth: depth + 1) ?? defaultHostName
        guard let dot = host.utf8.firstIndex(of: UInt8(ascii: ".")) else { return "localdomain" }
        let domain = String(host[host.utf8.index(after: dot)...])
        return domain.isEmpty ? "localdomain" : domain
    }

    private func refers(_ name: String, to target: String) -> Bool {
        var seen: Set<String> = []
        var todo = [name]
        while let next = todo.popLast() {
            guard let text = settings[next]?.value, seen.insert(next).inserted else { continue }
            let names = MacroText.names(in: text)
            if names.contains(target) { return true }
            todo += names
        }
        return false
    }

    var ownAddresses: [InterfaceAddress] { (try? ownAddresses(depth: 0)) ?? [] }

    /// An item of inet_interfaces that means something.
    func isInterface(_ item: String) -> Bool {
        if ["all", "loopback-only", "localhost"].contains(item) { return true }
        let text = item.hasPrefix("[") && item.hasSuffix("]") ? String(item.dropFirst().dropLast()) : item
        return ConfigurationFile.addressBytes(text) != nil || !facts.addresses(text).isEmpty
    }

    private func ownAddresses(depth: Int) throws(MacroError) -> [InterfaceAddress] {
        if let known = cache.withLock({ $0.addresses }) { return known }
        let found = OwnNetworks.addresses(
            interfaces: try evaluate("inet_interfaces", depth: depth) ?? "all",
            protocols: try evaluate("inet_protocols", depth: depth) ?? "all", facts: facts)
        cache.withLock { $0.addresses = found }
        return found
    }

    // MARK: Typed values

    func integer(_ name: String, _ text: String) -> Int? {
        guard let number = Self.number(text) else { return nil }
        return ParameterCatalogue.definition(name)?.bounds(number) ?? true ? number : nil
    }

    func time(_ name: String, _ text: String) -> Int? {
        let definition = ParameterCatalogue.definition(name)
        guard let number = TimeSetting.seconds(text, defaultUnit: definition?.timeUnit ?? UInt8(ascii: "s")) else {
            return nil
        }
        return definition?.bounds(number) ?? true ? number : nil
    }

    /// A decimal number with an optional sign.
    static func number(_ text: String) -> Int? {
        let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard let number = TimeSetting.decimal(digits) else { return nil }
        return text.hasPrefix("-") ? -number : number
    }
}

extension ParameterDefinition {
    func bounds(_ number: Int) -> Bool { number >= minimum ?? .min && number <= maximum ?? .max }
}
