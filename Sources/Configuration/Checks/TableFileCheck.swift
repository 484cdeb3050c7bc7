import MailSystem

/// Tables whose file is missing, older than its source, or does not open.
struct TableFileCheck {
    let files: any DeepCheck.Files
    /// A table that several parameters name is told of once.
    private var seen: Set<String> = []

    init(files: any DeepCheck.Files) { self.files = files }

    /// What postmap(1) adds to the name of a source file.
    static let indexed = [
        "hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "sdbm": ".pag", "dbm": ".pag",
    ]
    private static let read: Set<String> = [
        "texthash", "regexp", "pcre", "cidr", "sqlite", "pgsql", "mysql", "ldap", "memcache", "mongodb",
    ]
    /// Types whose names are no files; `inet` and `unix` are also endpoints.
    private static let others: Set<String> = [
        "static", "inline", "environ", "fail", "internal", "unix", "inet", "tcp", "socketmap", "randmap", "nis",
    ]
    /// Parameters of a database client are named after tables of these types too.
    private static let named: Set<String> = ["sqlite", "pgsql", "mysql", "ldap", "memcache", "mongodb"]

    mutating func problems(_ parameters: Parameters, _ names: [String]) -> [ConfigurationDiagnostic] {
        let classes = parameters.list("smtpd_restriction_classes")
        return names.flatMap { name -> [ConfigurationDiagnostic] in
            guard
                let form = ParameterCatalogue.definition(name)?.form
                    ?? (classes.contains(name) ? "restriction list" : nil),
                form.contains("map") || form.contains("match list") || form.contains("restriction list"),
                !Self.isCache(name), !name.hasPrefix("proxy_")
            else { return [] }
            var found: [ConfigurationDiagnostic] = []
            if form.contains("match list") { found += patternFiles(parameters, name) }
            for table in Self.allTables(parameters[name]) where seen.insert("\(table.type):\(table.path)").inserted {
                found += problems(table, parameters, name)
            }
            return found
        }
    }

    /// alias_maps need not be set to be asked: each local delivery looks there.
    mutating func defaultAliases(_ parameters: Parameters, _ master: MasterConfiguration) -> [ConfigurationDiagnostic] {
        guard !parameters.isSet("alias_maps"), !parameters.list("mydestination").isEmpty,
            parameters["local_transport"].hasPrefix("local"),
            let service = master.services.first(where: { $0.program == "local" })
        else { return [] }
        return Self.allTables(parameters["alias_maps"]).flatMap { table in
            problems(table, parameters, "alias_maps").map {
                ConfigurationDiagnostic(.warning, file: master.file, line: service.line, $0.text, cure: $0.cure)
            }
        }
    }

    /// `/file` among the patterns of a list.
    private func patternFiles(_ parameters: Parameters, _ name: String) -> [ConfigurationDiagnostic] {
        parameters.list(name).compactMap { word in
            let path = word.drop { $0 == "!" }
            guard path.hasPrefix("/"), files.status(String(path)) == nil else { return nil }
            return warning(
                parameters, name, String(path),
                "\(path) does not exist: what asks it is answered with a temporary error", "make the file")
        }
    }

    private func problems(
        _ table: (type: String, path: String), _ parameters: Parameters, _ name: String
    ) -> [ConfigurationDiagnostic] {
        let (type, path) = table
        func warn(_ problem: (text: String, cure: String)) -> ConfigurationDiagnostic {
            warning(parameters, name, path, problem.text, problem.cure)
        }
        guard path.hasPrefix("/") else {
            if Self.named.contains(type) { return [] }
            let root = parameters["queue_directory"]
            return [warn(("\(type):\(path) is looked for below \(root)", "write the whole path"))]
        }
        if let problem = problem(type, path, isAlias: name.hasPrefix("alias_")) {
            let opens = files.status(path + (Self.indexed[type] ?? "")) != nil
            return [warn(problem)] + (opens ? opening(type, path).map(warn) : [])
        }
        return opening(type, path).map(warn)
    }

    /// At the place where the file is named: that may be a parameter that `name` only refers to.
    private func warning(
        _ parameters: Parameters, _ name: String, _ path: String, _ text: String, _ cure: String
    ) -> ConfigurationDiagnostic {
        let place = parameters.place(of: Self.origin(of: path, in: name, parameters)) ?? parameters.place(of: name)
        return ConfigurationDiagnostic(
            .warning, file: place?.file ?? "", line: place?.line ?? 0, "\(name): \(text)", cure: cure)
    }

    private static func origin(of path: String, in name: String, _ parameters: Parameters) -> String {
        var seen: Set<String> = []
        var todo = [name]
        while let next = todo.popLast() {
            guard seen.insert(next).inserted, let text = parameters.raw(next) else { continue }
            if text.contains(path) { return next }
            todo += MacroText.names(in: text).sorted()
        }
        return name
    }

    /// What the mail system makes and fills by itself: nobody runs postmap for it.
    private static func isCache(_ name: String) -> Bool {
        name.hasSuffix("_cache_database") || name.hasSuffix("_cache_map") || name.hasSuffix("_auth_cache_name")
            || name == "address_verify_map"
    }

    /// The tables of a value that have files: `type:path`, also behind `proxy:` and within `unionmap:{…}`.
    static func allTables(_ value: String) -> [(type: String, path: String)] {
        ListSetting.split(value).flatMap { allTables(of: $0, depth: 0) }
    }

    private static func allTables(of word: String, depth: Int) -> [(type: String, path: String)] {
        if depth >= 10 { return [] }
        if let inner = ListSetting.unbraced(word) {
            return ListSetting.split(inner).flatMap { allTables(of: $0, depth: depth + 1) }
        }
        let word = word.drop { $0 == "!" }
        guard let colon = word.firstIndex(of: ":") else { return [] }
        let type = String(word[..<colon])
        let name = String(word[word.index(after: colon)...])
        switch type {
        case "proxy", "debug": return allTables(of: name, depth: depth + 1)
        case "unionmap", "pipemap":
            return allTables(of: name, depth: depth + 1)
        default:
            // Patterns may also stand in main.cf itself.
            if name.isEmpty || name.first == "{" || others.contains(type) || type.contains("/") { return [] }
            if indexed[type] == nil, !read.contains(type), !name.hasPrefix("/") { return [] }
            return [(type, name)]
        }
    }

    /// Those with absolute paths.
    static func tables(_ value: String) -> [(type: String, path: String)] {
        allTables(value).filter { $0.path.hasPrefix("/") }
    }

    /// What only opening the table tells: a damaged file, a pattern that is none.
    private func opening(_ type: String, _ path: String) -> [(text: String, cure: String)] {
        let (failure, warnings) = files.openingProblems("\(type):\(path)")
        if let failure {
            let cure =
                Self.read.contains(type)
                ? "correct the file"
                : Self.indexed[type] == nil ? "correct the type" : "make the table again from its source"
            return [
                ("\(type):\(path) does not open (\(failure)): what asks it is answered with a temporary error", cure)
            ]
        }
        return warnings.map { ("\(type):\(path): \($0)", "correct the line") }
    }

    private func problem(_ type: String, _ path: String, isAlias: Bool) -> (text: String, cure: String)? {
        if Self.read.contains(type) {
            if files.status(path) != nil { return nil }
            return ("\(type):\(path) does not exist: what asks it is answered with a temporary error", "make the file")
        }
        guard let suffix = Self.indexed[type] else { return nil }
        let maker = isAlias ? "newaliases" : "postmap \(type):\(path)"
        guard let index = files.status(path + suffix) else {
            return ("\(path)\(suffix) does not exist: what asks it is answered with a temporary error", "run \(maker)")
        }
        guard let source = files.status(path), source.modified.seconds > index.modified.seconds else { return nil }
        return ("\(path)\(suffix) is older than \(path): changes there are not seen", "run \(maker)")
    }
}

extension Parameters {
    /// A setting names the file, with or without its suffix (`/srv/users` for `/srv/users.db`).
    public func mention(_ path: String) -> Bool {
        let name = path.lastIndex(of: "/").map { path[$0...] } ?? path[...]
        let stem = name.lastIndex(of: ".").map { String(path[..<$0]) } ?? path
        return store.settings.keys.contains { self[$0].contains(stem) }
    }

    /// The files of tables of a type that are named anywhere in main.cf: `sqlite:/etc/postfix/users.cf`.
    public func tableFiles(of type: String) -> [String] {
        store.settings.keys.sorted().flatMap { name in
            TableFileCheck.tables(self[name]).filter { $0.type == type }.map(\.path)
        }
    }
}
