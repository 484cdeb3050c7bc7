import Synchronization

/// One snapshot of the configuration: the defaults, main.cf and the overrides of a service. Immutable; every getter is
/// total: what cannot be expanded or parsed gives the default, and `validate` is where such values are refused.
public struct Parameters: Sendable {
    let store: ParameterStore

    /// config_directory
    public var directory: String { store.directory }

    /// Reads `directory`/main.cf. Overrides are those of a command line (`-o name=value`).
    /// - Throws: main.cf is missing or is not made of `name = value` lines.
    public static func load(
        directory: String, overrides: [(String, String)] = [], processName: String = "", facts: HostFacts = .system
    ) throws(ConfigurationError) -> Parameters {
        let path = "\(directory)/main.cf"
        let main = try MainFile(ConfigurationFile.read(path), file: path)
        return Parameters(
            directory: directory, main: main,
            overrides: overrides.map { ParameterSetting(name: $0.0, value: $0.1, file: "-o", line: 0) },
            processName: processName, facts: facts)
    }

    /// Settings without files, for tests and for what runs before there is a main.cf.
    public init(
        values: [String: String], directory: String = "/etc/postfix", processName: String = "", facts: HostFacts = .none
    ) {
        var main = MainFile()
        main.settings = values.sorted { $0.key < $1.key }.map {
            ParameterSetting(name: $0.key, value: $0.value, file: "main.cf", line: 0)
        }
        self.init(directory: directory, main: main, overrides: [], processName: processName, facts: facts)
    }

    /// main.cf's text instead of its file.
    public init(text: String, file: String = "main.cf", directory: String = "/etc/postfix", facts: HostFacts = .none)
        throws(ConfigurationError)
    {
        let main = try MainFile(Array(text.utf8), file: file)
        self.init(directory: directory, main: main, overrides: [], processName: "", facts: facts)
    }

    init(
        directory: String, main: MainFile, overrides: [ParameterSetting], processName: String, facts: HostFacts,
        service: String = ""
    ) {
        store = ParameterStore(
            directory: directory, main: main, overrides: overrides, processName: processName, service: service,
            facts: facts)
    }

    /// The same with a service's overrides on top.
    /// - Parameter service: the master.cf name, `$service_name` in values.
    /// - Parameter processName: the program, `$process_name` in values.
    public func with(
        overrides: [(name: String, value: String)], service: String? = nil, processName: String? = nil, line: Int = 0
    ) -> Parameters {
        let added = overrides.map {
            ParameterSetting(name: $0.name, value: $0.value, file: "\(directory)/master.cf", line: line)
        }
        return Parameters(
            directory: directory, main: store.main, overrides: store.overrides + added,
            processName: processName ?? store.processName, facts: store.facts, service: service ?? store.service)
    }

    /// The expanded value; the empty string for names that neither Postfix nor main.cf knows.
    public subscript(_ name: String) -> String { store.value(name) ?? "" }

    /// The expanded value, nil for an unknown name.
    public func value(_ name: String) -> String? { store.value(name) }

    /// The value as main.cf or an override has it; nil when it is not set there.
    public func raw(_ name: String) -> String? { store.settings[name]?.value }

    public func isSet(_ name: String) -> Bool { store.settings[name] != nil }

    /// A whole number; the default when the value is not one or is out of bounds.
    public func int(_ name: String) -> Int {
        if let number = store.integer(name, self[name]) { return number }
        return store.integer(name, store.defaultValue(name) ?? "") ?? 0
    }

    public func bool(_ name: String) -> Bool {
        BooleanSetting.parse(self[name]) ?? BooleanSetting.parse(store.defaultValue(name) ?? "") ?? false
    }

    /// A time in seconds.
    public func seconds(_ name: String) -> Int {
        if let number = store.time(name, self[name]) { return number }
        return store.time(name, store.defaultValue(name) ?? "") ?? 0
    }

    /// The items of a list, split at commas and white space; `{ … }` stays one item.
    public func list(_ name: String) -> [String] { ListSetting.split(self[name]) }

    /// Expands `text` with this snapshot's names.
    public func expand(_ text: String) throws(MacroError) -> String { try store.expand(text, depth: 0) }

    /// The addresses of inet_interfaces, then those of proxy_interfaces; 4 or 16 bytes each.
    public var ownAddresses: [[UInt8]] { store.ownAddresses.map(\.address) + proxyAddresses }

    /// The addresses of inet_interfaces only.
    public var interfaceAddresses: [[UInt8]] { store.ownAddresses.map(\.address) }

    /// The addresses of proxy_interfaces.
    public var proxyAddresses: [[UInt8]] {
        list("proxy_interfaces").compactMap { item in
            var text = item[...]
            if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
            return ConfigurationFile.addressBytes(String(text))
        }
    }

    /// Every name that main.cf and the overrides set, in their order.
    public var namesSet: [String] { store.order }

    /// Where a name is set: the file and the line.
    public func place(of name: String) -> (file: String, line: Int)? {
        store.settings[name].map { ($0.file, $0.line) }
    }
}

extension Parameters {
    /// What is odd about main.cf's lines themselves: settings made twice, lines that begin with white space.
    public var fileDiagnostics: [ConfigurationDiagnostic] { store.main.diagnostics }
}
