/// The settings of an ldap table (ldap_table(5)).
struct LDAPOptions: Sendable {
    enum Bind: Sendable { case none, simple, sasl }

    /// LDAP URLs, with white space between.
    let servers: String
    let base: QueryTemplate
    let filter: QueryTemplate
    /// 0 base, 1 one level, 2 subtree.
    let scope: CInt
    /// Seconds.
    let timeout: Int
    let attributes: LDAPAttributes
    let bind: Bind
    let bindName: String
    let bindPassword: String
    let recursionLimit: Int
    let sizeLimit: Int
    let dereference: Int
    let chasesReferrals: Bool
    let version: Int
    let debugLevel: Int
    let sasl: (mechanisms: String, realm: String, authorization: String, minimumStrength: Int)
    let startsTLS: Bool
    let verifiesServer: Bool
    /// By the library's number of the option.
    let tlsTexts: [(option: CInt, value: String)]

    init(_ settings: ClientSettings, _ request: TableRequest) throws(TableOpenError) {
        servers = Self.servers(
            try settings.string("server_host", "localhost", minimum: 1),
            port: try settings.int("server_port", 389))
        base = try Self.template(try settings.string("search_base", ""), "search_base", settings)
        filter = try Self.template(
            try settings.string("query_filter", "(mailacceptinggeneralid=%s)", minimum: 1), "query_filter", settings)
        switch CaseFolding.fold(try settings.string("scope", "sub", minimum: 1)) {
        case "base": scope = 0
        case "one": scope = 1
        case "sub": scope = 2
        case let other:
            request.log.warning("dict_ldap_open: Unrecognized value \(other) specified for scope; using sub")
            scope = 2
        }
        timeout = try settings.int("timeout", 10, minimum: 1)
        attributes = LDAPAttributes(
            plain: try settings.string("result_attribute", "maildrop"),
            special: try settings.string("special_result_attribute", ""),
            terminal: try settings.string("terminal_result_attribute", ""),
            leaf: try settings.string("leaf_result_attribute", ""))
        switch CaseFolding.fold(try settings.string("bind", "yes", minimum: 1)) {
        case "yes", "simple": bind = .simple
        case "sasl": bind = .sasl
        case "no", "none": bind = .none
        case let other: throw TableOpenError("\(settings.name): unsupported bind value: \(other)")
        }
        bindName = try settings.string("bind_dn", "")
        bindPassword = try settings.string("bind_pw", "")
        recursionLimit = try settings.int("recursion_limit", 1000, minimum: 1)
        sizeLimit = try settings.int("size_limit", try settings.int("expansion_limit", 0))
        let dereference = try settings.int("dereference", 0)
        if dereference > 3 { request.log.warning("\(settings.name): unrecognized dereference value \(dereference)") }
        self.dereference = dereference > 3 ? 0 : dereference
        // Some write yes and no here.
        chasesReferrals = settings.value("chase_referrals").map { $0 == "1" || CaseFolding.fold($0) == "yes" } ?? false
        version = try settings.int("version", 3, minimum: 2)
        debugLevel = try settings.int("debuglevel", 0)
        sasl = (
            try settings.string("sasl_mechs", ""), try settings.string("sasl_realm", ""),
            try settings.string("sasl_authz_id", ""), try settings.int("sasl_minssf", 0)
        )
        startsTLS = try settings.bool("start_tls", false)
        verifiesServer = try settings.bool("tls_require_cert", false)
        var texts: [(CInt, String)] = []
        for (name, option) in [
            ("tls_ca_cert_dir", LDAPLibrary.Option.authorityDirectory),
            ("tls_ca_cert_file", LDAPLibrary.Option.authorityFile), ("tls_cert", LDAPLibrary.Option.certificate),
            ("tls_key", LDAPLibrary.Option.key), ("tls_random_file", LDAPLibrary.Option.randomFile),
            ("tls_cipher_suite", LDAPLibrary.Option.cipherSuite),
        ] {
            let value = try settings.string(name, "")
            if !value.isEmpty { texts.append((option, value)) }
        }
        tlsTexts = texts
        for name in ["cache", "cache_expiry", "cache_size"] where settings.value(name) != nil {
            request.log.warning("\(settings.name): \(name) is no longer supported")
        }
    }

    private static func template(
        _ text: String, _ name: String, _ settings: ClientSettings
    ) throws(TableOpenError) -> QueryTemplate {
        if let template = QueryTemplate(text, isQuery: true) { return template }
        throw TableOpenError("db_common_parse: \(settings.name): Invalid query template: \(text)")
    }

    /// URLs as they are; host names, with their own port or the common one, as URLs.
    private static func servers(_ value: String, port: Int) -> String {
        ListSyntax.split(value).map { server -> String in
            let bytes = Array(server.utf8)
            for scheme in ["ldap://", "ldaps://", "ldapi://"] where bytes.starts(with: scheme.utf8) { return server }
            let hasPort =
                bytes.first == UInt8(ascii: "[")
                ? bytes.last != UInt8(ascii: "]") : bytes.count { $0 == UInt8(ascii: ":") } == 1
            return hasPort ? "ldap://\(server)" : "ldap://\(server):\(port)"
        }.joined(separator: " ")
    }
}

/// The attributes of an entry that count, by what they are for.
struct LDAPAttributes: Sendable {
    enum Kind: Sendable { case plain, special, terminal, leaf }

    /// In the order in which results come.
    let all: [(name: String, kind: Kind)]

    init(plain: String, special: String, terminal: String, leaf: String) {
        var all: [(String, Kind)] = []
        for (list, kind) in [
            (terminal, Kind.terminal), (leaf, Kind.leaf), (special, Kind.special), (plain, Kind.plain),
        ] {
            all += ListSyntax.split(list).map { ($0, kind) }
        }
        self.all = all
    }

    init(_ all: [(name: String, kind: Kind)]) { self.all = all }

    /// What an attribute of an entry is for; nil for one that was not asked for.
    func kind(of name: String) -> Kind? {
        let folded = CaseFolding.fold(name)
        return all.first { CaseFolding.fold($0.name) == folded }?.kind
    }

    /// Those that a URL asks for as well: all of them when it names none.
    func selected(by url: LDAPReference) -> LDAPAttributes {
        if url.attributes.isEmpty || url.attributes.contains("*") { return self }
        return LDAPAttributes(
            all.filter { attribute in
                url.attributes.contains { CaseFolding.fold($0) == CaseFolding.fold(attribute.name) }
            })
    }
}

/// A value of a special result attribute: a name in the directory, or a search as a URL (RFC 4516).
struct LDAPReference: Sendable {
    let base: String
    let attributes: [String]
    /// 0 base, 1 one level, 2 subtree.
    let scope: CInt
    let filter: String

    /// The server of a URL does not count: the search goes to the table's own.
    init?(_ value: [UInt8]) {
        let prefix = "ldap://"
        guard CaseFolding.fold(Array(value.prefix(prefix.utf8.count)), utf8: false).elementsEqual(prefix.utf8) else {
            guard !value.isEmpty, !value.contains(0) else { return nil }
            (base, attributes, scope, filter) = (value.text, [], 0, "(objectclass=*)")
            return
        }
        let rest = value.dropFirst(prefix.utf8.count)
        let path = rest.firstIndex(of: UInt8(ascii: "/")).map { rest[($0 + 1)...] } ?? []
        let parts = path.split(separator: UInt8(ascii: "?"), omittingEmptySubsequences: false)
        func part(_ index: Int) -> [UInt8]? {
            guard index < parts.count else { return [] }
            return TCPClient.decoded(parts[index])
        }
        guard let base = part(0), let names = part(1), let scope = part(2), let filter = part(3),
            ![base, names, filter].contains(where: { $0.contains(0) })
        else { return nil }
        self.base = base.text
        attributes = names.split(separator: UInt8(ascii: ",")).map(\.text)
        switch CaseFolding.fold(scope, utf8: false).text {
        case "", "base": self.scope = 0
        case "one": self.scope = 1
        case "sub": self.scope = 2
        default: return nil
        }
        self.filter = filter.isEmpty ? "(objectClass=*)" : filter.text
    }
}
