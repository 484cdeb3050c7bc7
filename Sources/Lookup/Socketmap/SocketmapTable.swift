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
        // The last colon begins the map's name.
        let bytes = Array(request.name.utf8)
        guard let last = bytes.lastIndex(of: UInt8(ascii: ":")) else {
            throw TableOpenError("\(request.type) requires server:socketmap argument")
        }
        let (endpoint, address) = try ClientEndpoint.service(bytes[..<last].text)
        let map = bytes[(last + 1)...].text
        let (log, main) = (request.log, request.settings.mainParameters)
        let limits = SocketmapClient.Limits(
            reply: main?.int("socketmap_max_reply_size") ?? 100_000,
            query: main?.int("socketmap_max_query_size") ?? 10_000)
        pool = ClientPool(limit: 8, idleSeconds: 10) {
            SocketmapClient(endpoint, name: name, server: address, map: map, limits, log)
        }
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
        case tooLong

        var reason: String {
            switch self {
            case .socket(let failure): failure.reason
            case .format: "input format error"
            case .tooLong: "input exceeds size limit"
            }
        }
    }

    func find(_ key: [UInt8]) -> Result<[UInt8]?, LookupError> {
        guard key.count <= limits.query else {
            log.warning("table \(name): query of \(key.count) octets exceeds socketmap_max_query_size: not found")
            return .success(nil)
        }
        let request = Array("\(map) ".utf8) + key
        // A server may close a connection instead of answering: that is tried again with a new one.
        for isLast in [false, true] {
            do throws(Problem) {
                return answer(try ask(request))
            } catch {
                let wasConnected = socket != nil
                socket = nil
                if !isLast, wasConnected, case .socket(.closed) = error { continue }
                log.warning("table \(name) lookup error: \(error.reason)")
                return .failure(LookupError(table: name, reason: error.reason))
            }
        }
        return .failure(LookupError(table: name, reason: ""))
    }

    private func ask(_ request: [UInt8]) throws(Problem) -> [UInt8] {
        let connection: ClientSocket
        do throws(ClientSocket.Failure) {
            connection = try connected()
            try connection.send(Array("\(request.count):".utf8) + request + [UInt8(ascii: ",")])
        } catch {
            throw .socket(error)
        }
        return try readNetstring(connection)
    }

    /// A connection, or a complaint in the log.
    private func connected() throws(ClientSocket.Failure) -> ClientSocket {
        do throws(ClientSocket.Failure) {
            return try ClientSocket.connected(&socket, to: endpoint, timeout: Self.timeout)
        } catch {
            if case .unknownHost(let text) = error { log.warning("host or service \(server) not found: \(text)") }
            log.warning("connect to \(server): \(error.reason)")
            throw error
        }
    }

    private func readNetstring(_ connection: ClientSocket) throws(Problem) -> [UInt8] {
        var length: Int?
        while true {
            let byte = try read(1, connection)[0]
            if byte == UInt8(ascii: ":"), length != nil { break }
            guard ASCII.isDigit(byte) else { throw .format }
            let longer = (length ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
            guard longer <= limits.reply else { throw .tooLong }
            length = longer
        }
        let content = try read(length ?? 0, connection)
        guard try read(1, connection) == [UInt8(ascii: ",")] else { throw .format }
        return content
    }

    private func read(_ count: Int, _ connection: ClientSocket) throws(Problem) -> [UInt8] {
        do { return try connection.read(count: count) } catch { throw .socket(error) }
    }

    /// `STATUS text`. Like all text from tables it ends before a NUL.
    private func answer(_ octets: [UInt8]) -> Result<[UInt8]?, LookupError> {
        let reply = KeyKinds.untilNUL(octets)
        let status = reply.prefix { $0 != 0x20 }
        let text = reply[min(status.endIndex + 1, reply.count)...]
        switch status.text {
        case "OK": return .success(status.endIndex < reply.count ? Array(text) : nil)
        case "NOTFOUND": return .success(nil)
        case "TEMP": return failure("temporary", text, "temporary error")
        case "TIMEOUT": return failure("timeout", text, "timeout")
        case "PERM": return failure("permanent", text, "")
        default: return failure("unknown", text, "unknown reply")
        }
    }

    private func failure(
        _ kind: String, _ text: ArraySlice<UInt8>, _ reason: String
    ) -> Result<[UInt8]?, LookupError> {
        let shown = Utf8Text.shown(text.drop { $0 == 0x20 })
        log.warning("\(name) socketmap server \(kind) error\(shown.isEmpty ? "" : ": ")\(shown)")
        return .failure(LookupError(table: name, reason: reason))
    }
}
