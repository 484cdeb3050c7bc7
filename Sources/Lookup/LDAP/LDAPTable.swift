import MailSystem

/// `ldap:/file.cf`: a search in a directory (ldap_table(5)).
final class LDAPTable: LookupTable {
    let name: String
    private let plan: QueryPlan
    private let options: LDAPOptions
    private let pool: ClientPool<LDAPClient>

    var takesWholeKeyOnly: Bool { plan.takesWholeKeyOnly || options.base.needsPartOfKey }
    var owner: TableOwner { plan.owner }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        return try LDAPTable(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        let settings = try ClientSettings(request)
        let options = try LDAPOptions(settings, request)
        let format = try settings.string("result_format", try settings.string("result_filter", "%s"), minimum: 1)
        plan = try QueryPlan(
            request, settings, query: try settings.string("query_filter", "(mailacceptinggeneralid=%s)", minimum: 1),
            function: "dict_ldap_get_values[1]", format: format)
        if !options.filter.usesKey {
            let filter = settings.value("query_filter") ?? ""
            request.log.warning("dict_ldap_open: \(settings.name): Fixed query_filter \(filter) is probably useless")
        }
        self.options = options
        let library = try LDAPLibrary.load()
        let (log, tableName) = (request.log, settings.name)
        pool = ClientPool(limit: 8, idleSeconds: 60) { LDAPClient(library, options, name: tableName, log) }
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        guard let parts = try await plan.key(key), options.base.accepts(parts) else { return nil }
        guard !parts.whole.contains(0) else { return nil }
        let answer = try await pool.run(for: name) { $0.find(parts) }
        switch answer {
        case .success(let values): return try plan.result(values, key: parts)
        case .failure(let error): throw LookupError(table: name, reason: error.reason)
        }
    }
}

/// `@unchecked Sendable`: the pool gives a client to one thread at a time.
final class LDAPClient: BlockingClient, @unchecked Sendable {
    private let library: LDAPLibrary
    private let options: LDAPOptions
    private let name: String
    private let log: MailLog
    private var connection: LDAPConnection?

    /// No table of mail routes has results of more than this, octets.
    private static let sizeLimit = 16 << 20

    init(_ library: LDAPLibrary, _ options: LDAPOptions, name: String, _ log: MailLog) {
        self.library = library
        self.options = options
        self.name = name
        self.log = log
    }

    private enum Problem: Error {
        case directory(LDAPConnection.Failure)
        case limit(depth: Int, String)
    }

    func find(_ key: AddressParts) -> Result<[[UInt8]], LookupError> {
        guard let base = options.base.expand(key, key: key, quote: Self.quotedName),
            let filter = options.filter.expand(key, key: key, quote: Self.quotedFilter)
        else { return .success([]) }
        // A connection that was idle may have been closed by the server: then once more with a new one.
        for attempt in 1...2 {
            let wasIdle = connection != nil
            do throws(LDAPConnection.Failure) {
                let connection = try connect()
                do throws(Problem) {
                    var values: [[UInt8]] = []
                    let search = LDAPSearch(base: base.text, scope: options.scope, filter: filter.text)
                    var size = 0
                    try collect(search, options.attributes, connection, depth: 0, into: &values, &size)
                    return .success(values)
                } catch {
                    switch error {
                    case .directory(let failure): throw failure
                    case .limit(let depth, let text):
                        log.warning("dict_ldap_get_values[\(depth + 1)]: \(name): \(text)")
                        return .failure(LookupError(table: name, reason: text))
                    }
                }
            } catch {
                connection = nil
                if wasIdle, error.isLost, attempt == 1 { continue }
                log.warning(error.text)
                return .failure(LookupError(table: name, reason: library.reason(error.status)))
            }
        }
        return .failure(LookupError(table: name, reason: ""))
    }

    private func connect() throws(LDAPConnection.Failure) -> LDAPConnection {
        if let connection { return connection }
        do throws(LDAPConnection.Failure) {
            let opened = try LDAPConnection(library, options)
            connection = opened
            return opened
        } catch {
            throw LDAPConnection.Failure(status: error.status, text: "dict_ldap_connect: \(error.text)")
        }
    }

    private struct LDAPSearch {
        let base: String
        let scope: CInt
        let filter: String
    }

    private func collect(
        _ search: LDAPSearch, _ attributes: LDAPAttributes, _ connection: LDAPConnection, depth: Int,
        into values: inout [[UInt8]], _ size: inout Int
    ) throws(Problem) {
        let entries: [LDAPConnection.Entry]
        do throws(LDAPConnection.Failure) {
            entries = try connection.search(
                base: search.base, scope: search.scope, filter: search.filter, attributes: attributes.all.map(\.name))
        } catch {
            throw .directory(
                LDAPConnection.Failure(
                    status: error.status,
                    text: "dict_ldap_lookup: Search error \(error.status): \(library.reason(error.status)) "))
        }
        for entry in entries {
            let found = entry.compactMap { name, values in
                attributes.kind(of: name).map { (name: name, kind: $0, values: values) }
            }
            let isTerminal = found.contains { $0.kind == .terminal }
            let isGroup = !isTerminal && found.contains { $0.kind == .special }
            for (name, kind, list) in found {
                // A terminal attribute stands for the whole entry; a group's leaves are elsewhere.
                if isTerminal, kind != .terminal { continue }
                if isGroup, kind == .leaf { continue }
                for value in list {
                    if kind == .special {
                        try follow(value, of: name, connection, depth: depth, into: &values, &size)
                        continue
                    }
                    size += value.count + 16
                    guard size <= Self.sizeLimit else { throw .limit(depth: depth, "too many results") }
                    values.append(value)
                }
            }
        }
    }

    private func follow(
        _ value: [UInt8], of name: String, _ connection: LDAPConnection, depth: Int, into values: inout [[UInt8]],
        _ size: inout Int
    ) throws(Problem) {
        guard depth + 1 < options.recursionLimit else {
            let shown = "\(name)=\(value.prefix(200).text)"
            throw .limit(depth: depth, "Recursion limit exceeded for special attribute \(shown)")
        }
        guard let reference = LDAPReference(value) else {
            log.warning("dict_ldap_get_values: \(name): malformed reference: \(value.prefix(100).text)")
            return
        }
        // Loops end by the limit; each round costs something.
        size += 64
        guard size <= Self.sizeLimit else { throw .limit(depth: depth, "too many results") }
        let selected = options.attributes.selected(by: reference)
        if selected.all.isEmpty { return }
        let search = LDAPSearch(base: reference.base, scope: reference.scope, filter: reference.filter)
        try collect(search, selected, connection, depth: depth + 1, into: &values, &size)
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// RFC 4515 §3: in a filter.
    static func quotedFilter(_ text: [UInt8]) -> [UInt8] {
        text.flatMap { byte -> [UInt8] in
            guard "*()\\".utf8.contains(byte) || byte == 0 else { return [byte] }
            return [UInt8(ascii: "\\"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }

    /// RFC 4514 §2.4: in a distinguished name.
    static func quotedName(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for (index, byte) in text.enumerated() {
            let isEdge = index == 0 || index == text.count - 1
            if " \t\"#+,;<>\\=".utf8.contains(byte) || (isEdge && byte == 0x20) || byte < 0x20 {
                result += [UInt8(ascii: "\\"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
