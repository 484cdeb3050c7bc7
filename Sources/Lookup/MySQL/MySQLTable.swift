import Synchronization

/// `mysql:/file.cf`: a query to MySQL or MariaDB (mysql_table(5)).
enum MySQLTable {
    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        let settings = try ClientSettings(request)
        func optional(_ name: String) throws(TableOpenError) -> String? {
            let value = try settings.string(name, "")
            return value.isEmpty ? nil : value
        }
        let options = MySQLConnection.Options(
            library: try MySQLLibrary.load(), user: try settings.string("user", ""),
            password: try settings.string("password", ""),
            database: try settings.string("dbname", "", minimum: 1),
            characterSet: try settings.string("charset", "utf8mb4", minimum: 1),
            optionFile: try optional("option_file"), optionGroup: try settings.string("option_group", "client"),
            key: try optional("tls_key_file"), certificate: try optional("tls_cert_file"),
            authorities: try optional("tls_CAfile"), authorityDirectory: try optional("tls_CApath"),
            ciphers: try optional("tls_ciphers"), verifiesServer: try settings.bool("tls_verify_cert", false),
            requiresResult: try settings.bool("require_result_set", true))
        return try SQLTable<MySQLConnection>(
            request, settings, query: try SQLQuery.text(settings), defaultHosts: "localhost", options: options)
    }
}

/// A connection with the library's own time limits.
final class MySQLConnection: SQLConnection {
    struct Options: Sendable {
        let library: MySQLLibrary
        let user: String
        let password: String
        let database: String
        let characterSet: String
        let optionFile: String?
        let optionGroup: String
        let key: String?
        let certificate: String?
        let authorities: String?
        let authorityDirectory: String?
        let ciphers: String?
        let verifiesServer: Bool
        let requiresResult: Bool

        var usesTLS: Bool {
            key != nil || certificate != nil || authorities != nil || authorityDirectory != nil || ciphers != nil
        }
    }

    static var kind: String { "mysql" }

    static func complaint(table: String, host: String, _ text: String) -> String { "\(table): query failed: \(text)" }

    /// Seconds.
    private static let connectTimeout: CUnsignedInt = 10
    private static let queryTimeout: CUnsignedInt = 30
    /// "Server has gone away", "lost connection": CR_SERVER_GONE_ERROR, CR_SERVER_LOST, and a server that shuts down.
    private static let lostConnection: Set<CUnsignedInt> = [2006, 2013, 2055, 1053, 1927, 4031]

    /// The library's first call prepares it, which only one thread may do.
    private static let preparation = Mutex(())

    private let options: Options
    private let connection: OpaquePointer

    private var library: MySQLLibrary { options.library }

    init(_ host: HostList.Host, _ options: Options) throws(SQLFailure) {
        self.options = options
        let library = options.library
        guard let connection = Self.preparation.withLock({ _ in library.create(nil) }) else {
            throw .host("out of memory")
        }
        self.connection = connection
        for (option, seconds) in [
            (MySQLLibrary.Option.connectTimeout, Self.connectTimeout),
            (MySQLLibrary.Option.readTimeout, Self.queryTimeout),
            (MySQLLibrary.Option.writeTimeout, Self.queryTimeout),
        ] {
            withUnsafePointer(to: seconds) { _ = library.setOption(connection, option, $0) }
        }
        _ = options.characterSet.withCString { library.setOption(connection, MySQLLibrary.Option.characterSet, $0) }
        if let file = options.optionFile {
            _ = file.withCString { library.setOption(connection, MySQLLibrary.Option.defaultFile, $0) }
        }
        if !options.optionGroup.isEmpty {
            _ = options.optionGroup.withCString {
                library.setOption(connection, MySQLLibrary.Option.defaultGroup, $0)
            }
        }
        if options.usesTLS {
            _ = library.setTLS(
                connection, options.key, options.certificate, options.authorities, options.authorityDirectory,
                options.ciphers)
        }
        if options.verifiesServer {
            var verifies: CChar = 1
            _ = library.setOption(connection, MySQLLibrary.Option.verifyServer, &verifies)
        }
        let opened = library.connect(
            connection, host.isLocal ? nil : host.host, options.user.isEmpty ? nil : options.user,
            options.password.isEmpty ? nil : options.password, options.database,
            CUnsignedInt(host.port ?? "") ?? 0, host.isLocal ? host.host : nil, MySQLLibrary.multipleResults)
        if opened == nil { throw .host(message) }
    }

    deinit { library.close(connection) }

    private var message: String { library.errorText(connection).map { String(cString: $0) } ?? "unknown error" }

    private func failure() -> SQLFailure {
        Self.lostConnection.contains(library.errorNumber(connection)) ? .staleConnection(message) : .query(message)
    }

    func quoted(_ text: [UInt8]) throws(SQLFailure) -> [UInt8] {
        let source = text.map { CChar(bitPattern: $0) }
        let result = [CChar](unsafeUninitializedCapacity: 2 * text.count + 1) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            count = source.withUnsafeBufferPointer { bytes in
                guard let start = bytes.baseAddress, !bytes.isEmpty else { return 0 }
                return Int(clamping: library.escape(connection, target, start, CUnsignedLong(bytes.count)))
            }
        }
        return result.map { UInt8(bitPattern: $0) }
    }

    func rows(of query: [UInt8]) throws(SQLFailure) -> SQLRows {
        let text = query.map { CChar(bitPattern: $0) }
        let start = ClientSocket.now()
        guard library.query(connection, text, CUnsignedLong(text.count)) == 0 else {
            // A time limit looks like a lost connection, but asking again would take as long.
            let waited = ClientSocket.now() - start >= Int(Self.queryTimeout) * 900
            throw waited ? .host(message) : failure()
        }
        var rows = SQLRows()
        var hasRows = false
        while true {
            if let result = library.useResult(connection) {
                defer { library.freeResult(result) }
                if hasRows { throw .query("multiple result sets returning data are not supported") }
                hasRows = true
                try read(result, into: &rows)
            } else if library.fieldCount(connection) > 0 {
                throw failure()
            }
            let next = library.nextResult(connection)
            if next < 0 { break }
            if next > 0 { throw failure() }
        }
        if !hasRows, options.requiresResult { throw .query("query returned no result set(require_result_set = yes)") }
        return rows
    }

    private func read(_ result: OpaquePointer, into rows: inout SQLRows) throws(SQLFailure) {
        let count = Int(library.columnCount(result))
        while let row = library.fetchRow(result) {
            guard let lengths = library.lengths(result) else { throw failure() }
            for column in 0..<count {
                guard let value = row[column] else { continue }
                let bytes = UnsafeRawBufferPointer(
                    start: UnsafeRawPointer(value), count: Int(clamping: lengths[column]))
                // The connection is closed with the rest in it.
                guard rows.append(Array(bytes)) else { throw .query("too many rows") }
            }
        }
        if library.errorNumber(connection) != 0 { throw failure() }
    }
}
