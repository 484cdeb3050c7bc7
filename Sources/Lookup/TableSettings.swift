import Configuration

/// The main.cf settings that tables depend on.
public struct TableSettings: Sendable {
    /// `berkeley_db_read_buffer_size`: cache of an opened table, bytes.
    public var readBufferSize = 131_072
    /// `berkeley_db_create_buffer_size`: cache while a table is built, bytes.
    public var createBufferSize = 16_777_216
    /// Map files that are only replaced (cdb), instead of reading them: for commands, which a truncated file may end.
    public var mapsFiles = false
    /// `lmdb_map_size`: bytes that a new lmdb file may grow to, at first.
    public var lmdbMapSize = 16_777_216
    /// main.cf, for tables whose settings stand there.
    public var mainParameters: Parameters?
    /// `smtputf8_enable`.
    public var utf8 = false
    /// `default_database_type`, for names without a type.
    public var defaultType = "hash"
    /// `non_bdb_migration_level`: the types that take the place of `hash` and `btree`.
    public var redirects: [String: String] = [:]
    /// `proxy_read_maps`, split: tables that `proxy:` may open. nil: no check (commands run by the administrator).
    public var proxyReadMaps: Set<String>?
    /// The same for changes, and `proxy_write_maps`.
    public var proxyWriteMaps: Set<String>?
    /// A command of the administrator asks, which is told so in Postfix's words.
    public var isCommand = false

    /// How many entries a table that is being built will have, roughly; 0 when unknown.
    public var expectedCount = 0
    /// Bytes of their source; 0 when unknown.
    public var expectedSize = 0

    public init() {}
}
