import Configuration
import MailSystem

extension TableSettings {
    /// The settings of one service.
    ///
    /// - Parameter checksProxy: whether `proxy:` opens only what `proxy_read_maps` and `proxy_write_maps` list.
    public init(parameters: Parameters, checksProxy: Bool = true) {
        self.init()
        readBufferSize = parameters.int("berkeley_db_read_buffer_size")
        createBufferSize = parameters.int("berkeley_db_create_buffer_size")
        lmdbMapSize = parameters.int("lmdb_map_size")
        mainParameters = parameters
        utf8 = parameters.bool("smtputf8_enable")
        defaultType = parameters["default_database_type"]
        redirects = Self.redirects(parameters)
        guard checksProxy else { return }
        proxyReadMaps = Self.proxied(parameters["proxy_read_maps"])
        proxyWriteMaps = Self.proxied(parameters["proxy_write_maps"])
    }

    /// Empty unless the administrator is leaving Berkeley DB behind: postfix-non-bdb(1).
    private static func redirects(_ parameters: Parameters) -> [String: String] {
        guard ["enable-redirect", "enable-reindex"].contains(parameters["non_bdb_migration_level"]) else { return [:] }
        var result = ["hash": parameters["default_database_type"], "btree": parameters["default_cache_db_type"]]
        for element in ListSyntax.split(parameters["non_bdb_custom_mapping"]) {
            let pair = element.split(whereSeparator: { $0 == "=" || $0 == ":" }).map(String.init)
            if pair.count == 2, result[pair[0]] != nil { result[pair[0]] = pair[1] }
        }
        // A type that leads to Berkeley DB again changes nothing.
        return result.filter { result[$0.value] == nil }
    }

    /// The table that is opened when another is asked for.
    public func redirected(_ table: TableSpecification) -> TableSpecification {
        redirects[table.type].map { TableSpecification(type: $0, name: table.name) } ?? table
    }

    /// The targets of the `proxy:` elements of `proxy_read_maps`; other elements allow nothing.
    private static func proxied(_ value: String) -> Set<String> {
        let prefix = "proxy:"
        return Set(
            ListSyntax.split(value).compactMap { element in
                element.utf8.starts(with: prefix.utf8)
                    ? String(decoding: element.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) : nil
            })
    }
}

extension TableOpener {
    public convenience init(parameters: Parameters, log: MailLog) {
        self.init(parameters: parameters, log: log, systemDatabase: nil)
    }

    /// - Parameters:
    ///   - systemDatabase: for a process in a chroot.
    ///   - proxy: the same.
    public convenience init(
        parameters: Parameters, log: MailLog, systemDatabase: SystemDatabase?, proxy: ProxyLookup? = nil
    ) {
        self.init(
            settings: TableSettings(parameters: parameters), log: log, systemDatabase: systemDatabase, proxy: proxy)
    }
}

extension ParentDomains {
    /// Whether names of `feature` (a parameter name, or `smtpd_access_maps`) match subdomains too.
    public static func match(feature: String, parameters: Parameters) -> Bool {
        match(feature: feature, in: parameters["parent_domain_matches_subdomains"])
    }
}
