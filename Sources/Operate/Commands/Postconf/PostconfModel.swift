import Configuration

/// Everything that postconf shows: the settings, their defaults, and the names that master.cf gives rise to.
struct PostconfModel {
    let parameters: Parameters
    /// The same without main.cf.
    let defaults: Parameters
    let master: [MasterEntry]
    let options: PostconfOptions
    /// `postconf -c` makes config_directory an explicit setting.
    let showsDirectory: Bool
    private let warn: (String) -> Void
    /// Parameters named after services, with their unexpanded defaults.
    let serviceDefaults: [String: String]
    /// Documented parameters that belong to a service which master.cf has: local_destination_recipient_limit.
    private let ofServices: Set<String>
    /// What `$name` stands for: the settings, and the defaults that only master.cf's services give rise to.
    private let scope: Parameters
    /// User-defined names that something refers to.
    var userNames: Set<String> = []

    init(
        parameters: Parameters, master: [MasterEntry], options: PostconfOptions, showsDirectory: Bool,
        warn: @escaping (String) -> Void
    ) {
        self.parameters = parameters
        self.master = master
        self.options = options
        self.showsDirectory = showsDirectory
        self.warn = warn
        defaults = Parameters(
            values: [:], directory: parameters.directory, processName: "postconf", facts: .system)
        (serviceDefaults, ofServices) = Self.serviceDefaults(master)
        let settings = options.defaults ? defaults : parameters
        var added = serviceDefaults
        for name in Self.serviceNamed where added[name] == nil { added[name] = "" }
        scope = settings.with(
            overrides: added.filter { !settings.isSet($0.key) }.map { (name: $0.key, value: $0.value) },
            service: nil, processName: nil)
    }

    /// The programs whose services have queue manager parameters, and those with a time limit.
    private static let transports: Set<String> = ["local", "pipe", "smtp", "lmtp", "virtual", "error"]
    private static let timed: Set<String> = ["pipe", "spawn"]
    private static let templatePrefix = "transport"
    private static let timeLimit = "_time_limit"

    private static func serviceDefaults(_ master: [MasterEntry]) -> ([String: String], Set<String>) {
        let templates = ParameterCatalogue.all.filter { $0.lifeCycle == .template }
        var result: [String: String] = [:]
        var documented: Set<String> = []
        for entry in master {
            let program = String(entry.fields[7].split(separator: "/").last ?? "")
            for template in templates {
                let suffix = String(template.name.dropFirst(templatePrefix.count))
                let applies = suffix == timeLimit ? timed.contains(program) : transports.contains(program)
                let name = entry.service + suffix
                if !applies { continue }
                if ParameterCatalogue.definition(name) == nil || serviceNamed.contains(name) {
                    result[name] = template.defaultValue
                } else {
                    documented.insert(name)
                }
            }
        }
        return (result, documented)
    }

    func isBuiltin(_ name: String) -> Bool {
        (ParameterCatalogue.definition(name)?.isListed ?? false) && !Self.serviceNamed.contains(name)
    }

    /// Documented by name, but there only when master.cf has the service.
    private static let serviceNamed: Set<String> = Set(
        ["smtp", "lmtp", "relay", "virtual"].flatMap {
            ["\($0)_destination_concurrency_limit", "\($0)_destination_recipient_limit"]
        })

    /// Whether the name has a value here.
    func isKnown(_ name: String) -> Bool {
        isBuiltin(name) || serviceDefaults[name] != nil || userNames.contains(name)
    }

    /// Set in main.cf or with `-o`.
    func isSet(_ name: String) -> Bool {
        parameters.isSet(name) || (showsDirectory && name == "config_directory")
    }

    /// The names of the classes, sorted.
    func names(classes: Set<String>, explicitOnly: Bool) -> [String] {
        var names: Set<String> = []
        if classes.contains("builtin") {
            names.formUnion(ParameterCatalogue.all.lazy.map(\.name).filter(isBuiltin))
            names.subtract(ofServices)
        }
        if classes.contains("service") { names.formUnion(serviceDefaults.keys.lazy + ofServices.filter(isBuiltin)) }
        if classes.contains("user") { names.formUnion(userNames.subtracting(serviceDefaults.keys)) }
        // What programs set by themselves is no setting of main.cf, whatever stands there.
        return sorted(
            explicitOnly
                ? names.filter { isSet($0) && ParameterCatalogue.definition($0)?.lifeCycle != .system } : names)
    }

    func sorted(_ names: Set<String>) -> [String] {
        names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Whether Postfix' manual knows the name, with a value here or without.
    func isDocumented(_ name: String) -> Bool {
        ParameterCatalogue.definition(name) != nil && !Self.serviceNamed.contains(name) || serviceDefaults[name] != nil
    }

    /// Names whose default is worked out, not written down.
    private static let computed: Set<String> = [
        "config_directory", "mydomain", "myhostname", "mynetworks", "process_id", "process_name", "service_name",
    ]

    /// The value as it is printed: not expanded unless `-x` is given.
    func value(_ name: String) throws(CommandFailure) -> String {
        let raw = options.defaults ? nil : parameters.raw(name)
        if options.expands {
            let text = raw ?? unexpandedDefault(name, scope)
            // Some their programs expand, with names of their own.
            return ParameterCatalogue.definition(name)?.kind == .raw ? text : try expand(text, in: scope)
        }
        return raw ?? unexpandedDefault(name, options.defaults ? defaults : parameters)
    }

    private func unexpandedDefault(_ name: String, _ source: Parameters) -> String {
        if Self.computed.contains(name) { return source[name] }
        return ParameterCatalogue.definition(name)?.defaultValue ?? serviceDefaults[name] ?? ""
    }

    /// The settings that a service's program reads.
    func scope(of entry: MasterEntry) -> Parameters {
        let overrides = entry.overrides.map { (name: $0.name, value: $0.value) }
        return scope.with(overrides: overrides, service: entry.service, processName: entry.fields[7])
    }

    func expand(_ text: String, in scope: Parameters) throws(CommandFailure) -> String {
        do {
            return try scope.expand(text)
        } catch {
            warn(error.description)
            throw CommandFailure("macro processing error")
        }
    }
}
