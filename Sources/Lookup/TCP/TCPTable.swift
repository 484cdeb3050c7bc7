import MailSyntax
import MailSystem
import Synchronization

/// `tcp:host:port`: a server of the protocol of tcp_table(5).
final class TCPTable: LookupTable {
    let name: String
    private let server: String
    private let pool: ClientPool<TCPClient>

    var takesWholeKeyOnly: Bool { true }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.refuseSensitiveUse("security sensitive")
        try request.requireReading()
        return try TCPTable(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        server = request.name
        let (server, log) = (request.name, request.log)
        let endpoint = try ClientEndpoint(hostAndPort: server)
        pool = ClientPool(limit: 8, idleSeconds: 100) { TCPClient(endpoint, server, log) }
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        let answer = try await pool.run(for: name) { $0.find(key) }
        do { return try answer.get() } catch { throw LookupError(table: name, reason: error.reason) }
    }
}

/// `@unchecked Sendable`: the pool gives a client to one thread at a time.
final class TCPClient: BlockingClient, @unchecked Sendable {
    private let endpoint: ClientEndpoint
    private let server: String
    private let log: MailLog
    private var socket: ClientSocket?

    /// Seconds for each operation; octets of a reply with its newline: tcp_table(5).
    private static let timeout = 100
    private static let replyLimit = 4096
    private let attempts: Int

    init(_ endpoint: ClientEndpoint, _ server: String, _ log: MailLog, attempts: Int = 10) {
        self.attempts = attempts
        self.endpoint = endpoint
        self.server = server
        self.log = log
    }

    private struct Refusal: Error {
        let reason: String
    }

    func find(_ key: [UInt8]) -> Result<[UInt8]?, LookupError> {
        var reason = ""
        let start = ClientSocket.now()
        for attempt in 1...attempts {
            do throws(ClientSocket.Failure) {
                let reply = try ask(key)
                do throws(Refusal) { return .success(try parse(reply)) } catch {
                    return .failure(LookupError(table: server, reason: error.reason))
                }
            } catch {
                let isConnected = socket != nil
                socket = nil
                reason = error.reason
                if case .tooLong = error {
                    log.warning("read TCP map reply from \(server): text longer than \(Self.replyLimit)")
                } else if isConnected {
                    // An old connection: the server may have been started again.
                    log.warning("read TCP map reply from \(server): \(reason)")
                } else {
                    if case .unknownHost(let text) = error {
                        log.warning("host or service \(server) not found: \(text)")
                    }
                    log.warning("connect to TCP map \(server): \(reason)")
                }
            }
            if attempt == attempts || ClientSocket.now() - start > Self.timeout * 1000 { break }
            Pause.seconds(1)
        }
        return .failure(LookupError(table: server, reason: reason))
    }

    private func ask(_ key: [UInt8]) throws(ClientSocket.Failure) -> [UInt8] {
        let connection = try ClientSocket.connected(&socket, to: endpoint, timeout: Self.timeout)
        try connection.send(Array("get ".utf8) + Self.encoded(key) + [0x0A])
        return KeyKinds.untilNUL(try connection.read(until: 0x0A, limit: Self.replyLimit - 1))
    }

    private func parse(_ reply: [UInt8]) throws(Refusal) -> [UInt8]? {
        var shown: String { Utf8Text.shown(reply.prefix(100)) }
        let space = reply.firstIndex(where: ListSyntax.isSpace)
        guard let space, let text = Self.decoded(reply[(space + 1)...]), space == 3 else {
            log.warning("read TCP map reply from \(server): malformed reply: \(shown)")
            throw Refusal(reason: "malformed reply")
        }
        switch reply[..<space].text {
        case "200": return KeyKinds.untilNUL(text)
        case "500": return nil
        case "400": throw Refusal(reason: Utf8Text.shown(text[...]))
        default:
            log.warning("read TCP map reply from \(server): bad status code: \(shown)")
            throw Refusal(reason: "bad status code")
        }
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    static func encoded(_ key: [UInt8]) -> [UInt8] {
        key.flatMap { byte -> [UInt8] in
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "%") { return [byte] }
            return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }

    static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal)
            else { return nil }
            result.append(high << 4 | low)
        }
        return result
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
