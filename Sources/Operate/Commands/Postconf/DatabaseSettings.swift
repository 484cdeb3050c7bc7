import Configuration
import MailSystem

/// Settings of database clients: `NAME_SETTING` for a table `ldap:NAME`, or a file for `ldap:/file`.
struct DatabaseSettings {
    private let model: PostconfModel
    private let warn: (String) -> Void

    init(_ model: PostconfModel, warn: @escaping (String) -> Void) {
        self.model = model
        self.warn = warn
    }

    private static let sql = [
        "additional_conditions", "dbname", "domain", "expansion_limit", "hosts", "password", "query", "result_format",
        "select_field", "table", "user", "where_field",
    ]

    /// The settings of each type of client.
    private static let settings: [String: [String]] = [
        "ldap": [
            "bind", "bind_dn", "bind_pw", "cache", "cache_expiry", "cache_size", "chase_referrals", "debuglevel",
            "dereference", "domain", "expansion_limit", "leaf_result_attribute", "query_filter", "recursion_limit",
            "result_attribute", "result_filter", "result_format", "sasl_authz_id", "sasl_mechs", "sasl_minssf",
            "sasl_realm", "scope", "search_base", "server_host", "server_port", "size_limit",
            "special_result_attribute",
            "start_tls", "terminal_result_attribute", "timeout", "tls_ca_cert_dir", "tls_ca_cert_file", "tls_cert",
            "tls_cipher_suite", "tls_key", "tls_random_file", "tls_require_cert", "version",
        ],
        "mysql": sql + [
            "charset", "idle_interval", "option_file", "option_group", "require_result_set", "retry_interval",
            "tls_CAfile", "tls_CApath", "tls_cert_file", "tls_ciphers", "tls_key_file", "tls_verify_cert",
        ],
        "pgsql": sql + ["encoding", "idle_interval", "retry_interval", "select_function"],
        "sqlite": sql + ["dbpath"],
        "memcache": [
            "backup", "data_size_limit", "domain", "flags", "key_digest", "key_format", "line_size_limit", "max_try",
            "memcache", "retry_pause", "timeout", "ttl",
        ],
        "mongodb": [
            "collection", "dbname", "domain", "expansion_limit", "projection", "query_filter", "result_attribute",
            "result_format", "uri",
        ],
    ]

    /// The `NAME_SETTING` parameters of all tables that parameters in use name.
    func names() throws(CommandFailure) -> Set<String> {
        var names: Set<String> = []
        for name in model.parameters.namesSet where model.isBuiltin(name) || model.serviceDefaults[name] != nil {
            let value = model.parameters.raw(name) ?? ""
            try scan(value, of: name, in: model.parameters, depth: 0, into: &names)
        }
        for entry in model.master {
            let scope = model.scope(of: entry)
            for (name, value) in entry.overrides where model.isBuiltin(name) {
                try scan(value, of: name, in: scope, depth: 0, into: &names)
            }
        }
        return names
    }

    private func scan(
        _ value: String, of name: String, in scope: Parameters, depth: Int, into names: inout Set<String>
    ) throws(CommandFailure) {
        // Only text with a colon, here or behind a name, can be a table.
        guard value.utf8.contains(UInt8(ascii: ":")) || value.utf8.contains(UInt8(ascii: "$")), depth < 10 else {
            return
        }
        if ParameterCatalogue.definition(name)?.kind == .raw { return }
        let text: String
        do { text = try scope.expand(value) } catch {
            warn(error.description)
            throw CommandFailure("macro processing error")
        }
        for element in ListSetting.split(text) { try scan(table: element, depth: depth, into: &names) }
    }

    private func scan(table element: String, depth: Int, into names: inout Set<String>) throws(CommandFailure) {
        guard depth < 10, let colon = element.utf8.firstIndex(of: UInt8(ascii: ":")) else { return }
        let type = String(element[..<colon])
        let name = String(element[element.utf8.index(after: colon)...])
        switch type {
        case "proxy", "debug": try scan(table: name, depth: depth + 1, into: &names)
        case "pipemap", "unionmap":
            for member in ListSetting.split(ListSetting.unbraced(name) ?? "") {
                try scan(table: member, depth: depth + 1, into: &names)
            }
        default:
            guard let settings = Self.settings[type] else { return }
            if name.hasPrefix("/") || name.hasPrefix(".") {
                checkFile(name, type, settings)
            } else {
                names.formUnion(settings.map { "\(name)_\($0)" })
            }
        }
    }

    private func checkFile(_ path: String, _ type: String, _ settings: [String]) {
        guard let bytes = try? Files.read(path) else { return }
        for line in LogicalLines.read(bytes) {
            guard let (name, value) = try? SettingText.split(line.text), !settings.contains(name) else { continue }
            warn("\(type):\(path): unused parameter: \(name)=\(value)")
        }
    }
}
