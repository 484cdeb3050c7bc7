import MailSyntax
import MailSystem

/// `socketmap:inet:host:port:map` and `socketmap:unix:path:map` (socketmap_table(5)).
final class SocketmapTable: LookupTable {
    let name: String
    private let pool: ClientPool<SocketmapClient>

    var takesWholeKeyOnly: Bool { true }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.refuseSensitiveUse()
        try request.requireReading()
        return try SocketmapTable(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        let name = "\(request.specification)"
        self.name = name
        guard let (transport, address, map) = Self.split(request.name) else {
            throw TableOpenError("\(request.type) requires server:socketmap argument")
        }
        let endpoint: ClientEndpoint
        switch transport {
        case "inet": endpoint = try ClientEndpoint(hostAndPort: address, defaultHost: "")
        case "unix": endpoint = .unix(address)
        default: throw TableOpenError("invalid transport name: \(transport) in service: \(transport):\(address)")
        }
        let (log, main) = (request.log, request.settings.mainParameters)
        let limits = SocketmapClient.Limits(
            reply: main?.int("socketmap_max_reply_size") ?? 100_000,
            query: main?.int("socketmap_max_query_size") ?? 10_000)
        pool = ClientPool(limit: 8, idleSeconds: 10) {
            SocketmapClient(endpoint, name: name, server: address, map: map, limits, log)
        }
    }

    /// The last colon begins the map's name.
    private static func split(_ name: String) -> (transport: String, address: String, map: String)? {
        let bytes = Array(name.utf8)
        guard let last = bytes.lastIndex(of: UInt8(ascii: ":")), let first = bytes.firstIndex(of: UInt8(ascii: ":")),
            last + 1 < bytes.count
        else { return nil }
        if first == last { return nil }
        return (bytes[..<first].text, bytes[(first + 1)..<last].text, bytes[(last + 1)...].text)
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        let answer = try await pool.run(for: name) { $0.find(key) }
        return try answer.get()
    }
}

/// `@unchecked Sendable`: the pool gives a client to one thread at a time.
final class SocketmapClient: BlockingClient, @unchecked Sendable {
    struct Limits: Sendable {
        /// Octets.
        let reply: Int
        let query: Int
    }

    private let endpoint: ClientEndpoint
    private let name: String
    private let server: String
    private let map: String
    private let limits: Limits
    private let log: MailLog
    private var socket: ClientSocket?

    /// Seconds.
    private static let timeout = 100

    init(
        _ endpoint: ClientEndpoint, name: String, server: String, map: String, _ limits: Limits, _ log: MailLog
    ) {
        self.endpoint = endpoint
        self.name = name
        self.server = server
        self.map = map
        self.limits = limits
        self.log = log
    }

    private enum Problem: Error {
        case socket(ClientSocket.Failure)
        case format

        var reason: String {
            switch self {
            case .socket(let failure): failure.reason
            case .format: "input format error"
            }
        }
    }

    func find(_ key: [UInt8]) -> Result<[UInt8]?, LookupError> {
        let request = Array("\(map) ".utf8) + key
        if request.count > limits.query { return .success(nil) }
        // The server may have closed an old connection: that is tried again with a new one.
        let attempts = socket == nil ? 1 : 2
        for attempt in 1...attempts {
            do throws(Problem) {
                return answer(try ask(request))
            } catch {
                socket = nil
                if attempt < attempts { continue }
                log.warning("table \(name) lookup error: \(error.reason)")
                return .failure(LookupError(table: name, reason: error.reason))
            }
        }
        return .failure(LookupError(table: name, reason: ""))
    }

    private func ask(_ request: [UInt8]) throws(Problem) -> [UInt8] {
        do throws(ClientSocket.Failure) {
            let connection = try connect()
            try connection.send(Array("\(request.count):".utf8) + request + [UInt8(ascii: ",")])
            return try readNetstring(connection)
        } catch {
            throw .socket(error)
        }
    }

    private func connect() throws(ClientSocket.Failure) -> ClientSocket {
        if let socket { return socket }
        do throws(ClientSocket.Failure) {
            let connection = try ClientSocket(endpoint, timeout: Self.timeout)
            socket = connection
            return connection
        } catch {
            log.warning("connect to \(server): \(error.reason)")
            throw error
        }
    }

    private func readNetstring(_ connection: ClientSocket) throws(ClientSocket.Failure) -> [UInt8] {
        // A length that is none gives an empty reply, which no server may send.
        var length = 0
        var digits = 0
        while true {
            let byte = try connection.read(count: 1)[0]
            if byte == UInt8(ascii: ":"), digits > 0 { break }
            guard ASCII.isDigit(byte), digits < 10 else { return [] }
            length = length * 10 + Int(byte - UInt8(ascii: "0"))
            digits += 1
        }
        guard length <= limits.reply else { throw .tooLong }
        let content = try connection.read(count: length)
        return try connection.read(count: 1) == [UInt8(ascii: ",")] ? content : []
    }

    private func answer(_ reply: [UInt8]) -> Result<[UInt8]?, LookupError> {
        let status = reply.prefix { $0 != 0x20 }
        let text = Array(reply[min(status.endIndex + 1, reply.count)...])
        switch status.text {
        case "OK" where status.endIndex < reply.count: return .success(text)
        case "NOTFOUND": return .success(nil)
        case "": return formatError()
        case "TEMP": return failure("temporary", text, "temporary error")
        case "TIMEOUT": return failure("timeout", text, "timeout")
        case "PERM": return failure("permanent", text, "")
        default: return failure("unknown", text, "unknown reply")
        }
    }

    private func formatError() -> Result<[UInt8]?, LookupError> {
        socket = nil
        log.warning("table \(name) lookup error: input format error")
        return .failure(LookupError(table: name, reason: "input format error"))
    }

    private func failure(_ kind: String, _ text: [UInt8], _ reason: String) -> Result<[UInt8]?, LookupError> {
        log.warning("\(name) socketmap server \(kind) error\(text.isEmpty ? "" : ": ")\(text.text)")
        return .failure(LookupError(table: name, reason: reason))
    }
}
