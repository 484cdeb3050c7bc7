import Glibc

/// `pgsql:/file.cf`: a query to PostgreSQL (pgsql_table(5)).
enum PostgreSQLTable {
    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        let settings = try ClientSettings(request)
        // Where `hosts` is a URI it names the database, too.
        let namesDatabase = settings.value("hosts").map { $0.utf8.starts(with: "postgresql:".utf8) } ?? false
        let options = PostgreSQLConnection.Options(
            library: try PostgreSQLLibrary.load(),
            user: try settings.string("user", ""), password: try settings.string("password", ""),
            database: try settings.string("dbname", "", minimum: namesDatabase ? 0 : 1),
            encoding: try settings.string("encoding", "UTF8", minimum: 1))
        return try SQLTable<PostgreSQLConnection>(
            request, settings, query: try SQLQuery.text(settings, hasFunctions: true), defaultHosts: "localhost",
            options: options)
    }
}

/// A connection whose every step has a deadline: a server that hangs costs one lookup its time, and no thread for good.
final class PostgreSQLConnection: SQLConnection {
    struct Options: Sendable {
        let library: PostgreSQLLibrary
        let user: String
        let password: String
        let database: String
        let encoding: String
    }

    static var kind: String { "pgsql" }

    static func complaint(table: String, host: String, _ text: String) -> String {
        "pgsql query failed: fatal error from host \(host): \(text)"
    }

    /// Seconds.
    private static let connectTimeout = 10
    private static let queryTimeout = 30

    private let library: PostgreSQLLibrary
    private let connection: OpaquePointer

    init(_ host: HostList.Host, _ options: Options) throws(SQLFailure) {
        library = options.library
        guard let connection = Self.start(host, options) else { throw .host("out of memory") }
        self.connection = connection
        let deadline = ClientSocket.deadline(Self.connectTimeout)
        // libpq: before the first poll, wait as if for writing.
        var state = PostgreSQLLibrary.Polling.writing
        while state != PostgreSQLLibrary.Polling.done {
            guard state == PostgreSQLLibrary.Polling.writing || state == PostgreSQLLibrary.Polling.reading,
                library.status(connection) != 1
            else { throw .host(message) }
            let isWriting = state == PostgreSQLLibrary.Polling.writing
            do throws(ClientSocket.Failure) {
                try wait(for: isWriting ? Int16(POLLOUT) : Int16(POLLIN), until: deadline)
            } catch {
                throw .host(error.reason)
            }
            state = library.connectPoll(connection)
        }
        _ = library.setNonblocking(connection, 1)
    }

    deinit { library.finish(connection) }

    private static func start(_ host: HostList.Host, _ options: Options) -> OpaquePointer? {
        var settings: [(String, String)] = []
        if host.name.utf8.starts(with: "postgresql:".utf8) {
            settings.append(("dbname", host.name))
        } else {
            let (directory, port) = place(host)
            settings.append(("host", directory))
            if let port { settings.append(("port", port)) }
            settings.append(("dbname", options.database))
        }
        if !options.user.isEmpty { settings.append(("user", options.user)) }
        if !options.password.isEmpty { settings.append(("password", options.password)) }
        settings.append(("client_encoding", options.encoding))
        return withTexts(settings.map(\.0)) { names in
            withTexts(settings.map(\.1)) { values in options.library.connectStart(names, values, 1) }
        }
    }

    /// libpq takes the directory of a socket, and makes its name of the port; some have the whole name here.
    private static func place(_ host: HostList.Host) -> (String, String?) {
        let bytes = Array(host.host.utf8)
        let marker = Array("/.s.PGSQL.".utf8)
        guard host.isLocal, let slash = bytes.lastIndex(of: UInt8(ascii: "/")), bytes[slash...].starts(with: marker)
        else { return (host.host, host.port) }
        return (bytes[..<slash].text, bytes[(slash + marker.count)...].text)
    }

    /// Calls `body` with an array of C strings that ends in NULL.
    private static func withTexts<Value>(
        _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value?
    ) -> Value? {
        let storage = texts.map { Array($0.utf8CString) }
        var offsets: [Int] = []
        var all: [CChar] = []
        for text in storage {
            offsets.append(all.count)
            all += text
        }
        return all.withUnsafeBufferPointer { buffer -> Value? in
            let pointers = offsets.map { offset in buffer.baseAddress.map { $0 + offset } } + [nil]
            return pointers.withUnsafeBufferPointer { list -> Value? in list.baseAddress.flatMap(body) }
        }
    }

    private var message: String { library.errorMessage(connection).map { String(cString: $0) } ?? "unknown error" }

    private func wait(for events: Int16, until deadline: Int) throws(ClientSocket.Failure) {
        let descriptor = library.socket(connection)
        guard descriptor >= 0 else { throw .closed }
        try ClientSocket.wait(descriptor, for: events, until: deadline)
    }

    func quoted(_ text: [UInt8]) throws(SQLFailure) -> [UInt8] {
        var failed: CInt = 0
        let source = text.map { CChar(bitPattern: $0) }
        let result = [CChar](unsafeUninitializedCapacity: 2 * text.count + 1) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            count = source.withUnsafeBufferPointer { bytes in
                // An empty array may have no address.
                guard let start = bytes.baseAddress, !bytes.isEmpty else { return 0 }
                return library.escape(connection, target, start, bytes.count, &failed)
            }
        }
        if failed != 0 { throw .query(message) }
        return result.map { UInt8(bitPattern: $0) }
    }

    func rows(of query: [UInt8]) throws(SQLFailure) -> SQLRows {
        let text = query.map { CChar(bitPattern: $0) } + [0]
        guard library.sendQuery(connection, text) == 1 else { throw .staleConnection(message) }
        // Rows one by one: a table full of them must not fill the memory first.
        _ = library.singleRows(connection)
        let deadline = ClientSocket.deadline(Self.queryTimeout)
        do throws(ClientSocket.Failure) {
            var left = library.flush(connection)
            while left == 1 {
                try wait(for: Int16(POLLIN | POLLOUT), until: deadline)
                if library.consumeInput(connection) == 0 { throw .closed }
                left = library.flush(connection)
            }
            if left < 0 { throw .closed }
        } catch {
            throw problem(error)
        }
        return try results(deadline)
    }

    private func problem(_ error: ClientSocket.Failure) -> SQLFailure {
        if case .timeout = error { return .host("no answer in \(Self.queryTimeout) seconds") }
        return .staleConnection(message)
    }

    private func results(_ deadline: Int) throws(SQLFailure) -> SQLRows {
        var rows = SQLRows()
        var failure: SQLFailure?
        while true {
            do throws(ClientSocket.Failure) {
                while library.isBusy(connection) == 1 {
                    try wait(for: Int16(POLLIN), until: deadline)
                    if library.consumeInput(connection) == 0 { throw .closed }
                }
            } catch {
                throw problem(error)
            }
            guard let answer = library.getResult(connection) else { break }
            defer { library.clear(answer) }
            switch library.resultStatus(answer) {
            case PostgreSQLLibrary.Status.rows, PostgreSQLLibrary.Status.singleRow:
                // The connection is closed with the rest in it.
                guard append(answer, to: &rows) else { throw .query("too many rows") }
            case PostgreSQLLibrary.Status.command, PostgreSQLLibrary.Status.emptyQuery: break
            default:
                let text = library.resultMessage(answer).map { String(cString: $0) } ?? ""
                failure = library.status(connection) == 0 ? .query(text) : .staleConnection(text)
            }
        }
        if let failure { throw failure }
        return rows
    }

    private func append(_ answer: OpaquePointer, to rows: inout SQLRows) -> Bool {
        for row in 0..<library.rowCount(answer) {
            // NULL has an empty value.
            for column in 0..<library.columnCount(answer) {
                guard let value = library.value(answer, row, column) else { continue }
                let count = Int(library.length(answer, row, column))
                let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(value), count: count)
                guard rows.append(Array(bytes)) else { return false }
            }
        }
        return true
    }
}
