import MailSystem

/// A connection to one SQL server, whatever its kind.
protocol SQLConnection: AnyObject, SendableMetatype {
    associatedtype Options: Sendable

    /// How messages name the kind of server: `pgsql`.
    static var kind: String { get }
    /// The line of the log about a query that failed.
    static func complaint(table: String, host: String, _ text: String) -> String

    /// - Throws: the library's message.
    init(_ host: HostList.Host, _ options: Options) throws(SQLFailure)
    /// Inside quotes of the connection's own kind.
    func quoted(_ text: [UInt8]) throws(SQLFailure) -> [UInt8]
    func rows(of query: [UInt8]) throws(SQLFailure) -> SQLRows
}

/// A client that keeps one connection, to a host that works.
///
/// `@unchecked Sendable`: the pool gives a client to one thread at a time.
final class SQLClient<Connection: SQLConnection>: BlockingClient, @unchecked Sendable {
    private let name: String
    private let hosts: HostList
    private let options: Connection.Options
    private let log: MailLog
    private var connection: (host: Int, value: Connection)?

    init(_ name: String, _ hosts: HostList, _ options: Connection.Options, _ log: MailLog) {
        self.name = name
        self.hosts = hosts
        self.options = options
        self.log = log
    }

    func ask(_ query: QueryTemplate, _ key: AddressParts) -> Result<[[UInt8]]?, LookupError> {
        var tried: Set<Int> = []
        var reason = "no server is available"
        while true {
            let wasIdle = connection != nil
            guard let (host, connection) = connect(&tried, &reason) else {
                return .failure(LookupError(table: "", reason: reason))
            }
            do throws(SQLFailure) {
                guard let text = try expand(query, key, connection) else { return .success(nil) }
                return .success(try connection.rows(of: text).values)
            } catch {
                self.connection = nil
                switch error {
                case .staleConnection where wasIdle: continue
                case .query(let text):
                    complain(host, text)
                    return .failure(LookupError(table: "", reason: Self.printable(text)))
                case .staleConnection(let text), .host(let text):
                    complain(host, text)
                    reason = Self.printable(text)
                    hosts.markDown(host)
                    tried.insert(host)
                }
            }
        }
    }

    private func complain(_ host: Int, _ text: String) {
        let host = hosts.hosts[host].name
        log.warning(Connection.complaint(table: name, host: host, Self.printable(text)))
    }

    private func expand(
        _ query: QueryTemplate, _ key: AddressParts, _ connection: Connection
    ) throws(SQLFailure) -> [UInt8]? {
        var failure: SQLFailure?
        let text = query.expand(key, key: key) { part in
            do throws(SQLFailure) { return try connection.quoted(part) } catch {
                failure = error
                return []
            }
        }
        if let failure { throw failure }
        return text
    }

    private func connect(_ tried: inout Set<Int>, _ reason: inout String) -> (Int, Connection)? {
        if let connection { return (connection.host, connection.value) }
        while let host = hosts.next(excluding: tried) {
            tried.insert(host)
            do throws(SQLFailure) {
                let opened = try Connection(hosts.hosts[host], options)
                connection = (host, opened)
                return (host, opened)
            } catch {
                switch error {
                case .host(let text), .query(let text), .staleConnection(let text): reason = Self.printable(text)
                }
                log.warning("connect to \(Connection.kind) server \(hosts.hosts[host].name): \(reason)")
                hosts.markDown(host)
            }
        }
        return nil
    }

    /// Messages of servers go into one line of the log.
    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}

/// `pgsql:/file.cf` or `mysql:/file.cf`.
final class SQLTable<Connection: SQLConnection>: LookupTable {
    let name: String
    private let plan: QueryPlan
    private let log: MailLog
    private let pool: ClientPool<SQLClient<Connection>>

    var takesWholeKeyOnly: Bool { plan.takesWholeKeyOnly }
    var owner: TableOwner { plan.owner }

    /// - Parameter connections: at a time; Postfix has one a process, and many processes.
    init(
        _ request: TableRequest, _ settings: ClientSettings, query: String, defaultHosts: String,
        options: Connection.Options, connections: Int = 8
    ) throws(TableOpenError) {
        let name = "\(request.specification)"
        self.name = name
        plan = try QueryPlan(
            request, settings, query: query, function: "dict_\(Connection.kind)_lookup")
        let idle = try settings.seconds("idle_interval", 60, minimum: 1)
        let retry = try settings.seconds("retry_interval", 60, minimum: 1)
        let value = try settings.string("hosts", "")
        let hosts = HostList(value.isEmpty ? defaultHosts : value, retrySeconds: retry)
        let log = request.log
        self.log = log
        if value.isEmpty {
            log.warning("\(request.specification): no hosts specified, assuming \(defaultHosts)")
        }
        pool = ClientPool(limit: connections, idleSeconds: idle) { SQLClient(name, hosts, options, log) }
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        guard let parts = try await plan.key(key) else { return nil }
        let query = plan.query
        let answer = try await pool.run(for: name) { $0.ask(query, parts) }
        switch answer {
        case .success(let values):
            return try plan.result(values ?? [], key: parts)
        case .failure(let error): throw LookupError(table: name, reason: error.reason)
        }
    }
}
