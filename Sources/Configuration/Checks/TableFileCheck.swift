import MailSystem

/// Tables whose file is missing or older than its source.
struct TableFileCheck {
    let files: any DeepCheck.Files

    /// What postmap(1) adds to the name of a source file.
    private static let indexed = [
        "hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "sdbm": ".pag", "dbm": ".pag",
    ]
    private static let read: Set<String> = [
        "texthash", "regexp", "pcre", "cidr", "sqlite", "pgsql", "mysql", "ldap", "memcache", "mongodb",
    ]

    func problems(_ parameters: Parameters, _ names: [String]) -> [ConfigurationDiagnostic] {
        var found: [ConfigurationDiagnostic] = []
        for name in names where ParameterCatalogue.definition(name)?.kind != .raw && !Self.isCache(name) {
            for (type, path) in Self.tables(parameters[name]) {
                if let (text, cure) = problem(type, path, isAlias: name.hasPrefix("alias_")) {
                    found.append(parameters.warning(name, text, cure: cure))
                    if files.status(path + (Self.indexed[type] ?? "")) == nil { continue }
                }
                found += opening(type, path).map { parameters.warning(name, $0.text, cure: $0.cure) }
            }
        }
        return found
    }

    /// What the mail system makes and fills by itself: nobody runs postmap for it.
    private static func isCache(_ name: String) -> Bool {
        name.hasSuffix("_cache_database") || name.hasSuffix("_cache_map") || name.hasSuffix("_auth_cache_name")
            || name == "address_verify_map"
    }

    /// `type:/path` anywhere in a value, also behind `proxy:` and within `unionmap:{…}`.
    static func tables(_ value: String) -> [(type: String, path: String)] {
        var result: [(String, String)] = []
        let separators: (UInt8) -> Bool = { ListSetting.isSpace($0) || ",{}=".utf8.contains($0) }
        for word in value.utf8.split(whereSeparator: separators) {
            let parts = String(Substring(word)).split(separator: ":").map(String.init)
            guard parts.count >= 2, let path = parts.last, path.hasPrefix("/") else { continue }
            result.append((parts[parts.count - 2], path))
        }
        return result
    }

    /// What only opening the table tells: a damaged file, a pattern that is none.
    private func opening(_ type: String, _ path: String) -> [(text: String, cure: String)] {
        guard Self.indexed[type] != nil || Self.read.contains(type) else { return [] }
        let (failure, warnings) = files.openingProblems("\(type):\(path)")
        if let failure {
            let cure = Self.indexed[type] == nil ? "correct the file" : "make the table again from its source"
            return [
                ("\(type):\(path) does not open (\(failure)): what asks it is answered with a temporary error", cure)
            ]
        }
        return warnings.map { ("\(type):\(path): \($0)", "correct the line") }
    }

    private func problem(_ type: String, _ path: String, isAlias: Bool) -> (String, String)? {
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
