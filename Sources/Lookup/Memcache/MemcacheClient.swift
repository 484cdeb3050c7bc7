import MailSyntax
import MailSystem

/// The text protocol of memcached.
///
/// `@unchecked Sendable`: the pool gives a client to one thread at a time.
final class MemcacheClient: BlockingClient, @unchecked Sendable {
    struct Options: Sendable {
        let endpoint: ClientEndpoint
        let server: String
        /// How messages name the table.
        let table: String
        let flags: Int
        /// Seconds.
        let lifetime: Int
        let timeout: Int
        let pause: Int
        let attempts: Int
        /// Octets.
        let lineLimit: Int
        let dataLimit: Int

        /// What `timeout = 0`, no limit, means for a thread that others wait for.
        private static let longest = 3600

        /// One attempt, with small limits.
        init(trying endpoint: ClientEndpoint) {
            (self.endpoint, server, table, flags, lifetime) = (endpoint, "\(endpoint)", "x", 0, 3600)
            (timeout, pause, attempts, lineLimit, dataLimit) = (2, 0, 1, 1000, 1000)
        }

        init(_ settings: ClientSettings) throws(TableOpenError) {
            (endpoint, server) = try ClientEndpoint.service(try settings.string("memcache", "inet:localhost:11211"))
            table = settings.name
            flags = try settings.int("flags", 0, minimum: Int.min)
            lifetime = try settings.int("ttl", 3600, minimum: Int.min)
            let timeout = try settings.int("timeout", 2)
            self.timeout = timeout == 0 ? Self.longest : timeout
            pause = try settings.int("retry_pause", 1, minimum: 1)
            attempts = try settings.int("max_try", 2, minimum: 1)
            lineLimit = try settings.int("line_size_limit", 1024, minimum: 1)
            dataLimit = try settings.int("data_size_limit", 10_240, minimum: 1)
        }
    }

    struct Problem: Error {
        let reason: String
    }

    private let options: Options
    private let log: MailLog
    private var socket: ClientSocket?

    init(_ options: Options, _ log: MailLog) {
        self.options = options
        self.log = log
    }

    func get(_ key: [UInt8]) -> Result<[UInt8]?, Problem> {
        exchange(Array("get ".utf8) + key + [0x0D, 0x0A]) { connection throws(Failure) in
            let line = try self.line(connection)
            if line.text == "END" { return nil }
            let words = line.split(separator: 0x20)
            guard words.count >= 4, words[0].text == "VALUE", let count = ASCII.decimal(words[3]),
                count <= self.options.dataLimit
            else { throw .unexpected(line) }
            return KeyKinds.untilNUL(try self.value(connection, count))
        }
    }

    private func value(_ connection: ClientSocket, _ count: Int) throws(Failure) -> [UInt8] {
        do throws(ClientSocket.Failure) {
            let value = try connection.read(count: count)
            guard try connection.read(count: 2) == [0x0D, 0x0A] else { throw .closed }
            // Who has more to say than END is not listened to.
            if try connection.read(until: 0x0A, limit: options.lineLimit) != Array("END\r".utf8) { socket = nil }
            return value
        } catch {
            throw .truncated
        }
    }

    func set(_ key: [UInt8], _ value: [UInt8]) -> Result<Void, Problem> {
        let head = Array("set ".utf8) + key + Array(" \(options.flags) \(options.lifetime) \(value.count)\r\n".utf8)
        return exchange(head + value + [0x0D, 0x0A]) { connection throws(Failure) in
            let reply = try self.line(connection)
            if reply.text != "STORED" {
                self.log.warning("memcache update failed: \(Utf8Text.shown(reply.prefix(100)))")
            }
        }
    }

    func delete(_ key: [UInt8]) -> Result<Bool, Problem> {
        exchange(Array("delete ".utf8) + key + [0x0D, 0x0A]) { connection throws(Failure) in
            try self.line(connection).text == "DELETED"
        }
    }

    private enum Failure: Error {
        case socket(ClientSocket.Failure)
        /// A reply ended early, or its value does not have the length that it says.
        case truncated
        case unexpected([UInt8])
    }

    private func line(_ connection: ClientSocket) throws(Failure) -> [UInt8] {
        do {
            let line = try connection.read(until: 0x0A, limit: options.lineLimit)
            return line.last == 0x0D ? Array(line.dropLast()) : line
        } catch {
            throw .socket(error)
        }
    }

    private func exchange<Value>(
        _ request: [UInt8], _ reply: (ClientSocket) throws(Failure) -> Value
    ) -> Result<Value, Problem> {
        var reason = ""
        for attempt in 1...options.attempts {
            if attempt > 1 { Pause.seconds(options.pause) }
            let connection: ClientSocket
            do throws(ClientSocket.Failure) {
                connection = try ClientSocket.connected(&socket, to: options.endpoint, timeout: options.timeout)
            } catch {
                // A server that accepts no connection is not asked again.
                if case .unknownHost(let text) = error {
                    log.warning("host or service \(options.server) not found: \(text)")
                }
                log.warning("connect to \(options.server): \(error.reason)")
                return .failure(Problem(reason: error.reason))
            }
            do throws(Failure) {
                do { try connection.send(request) } catch { throw .socket(error) }
                return .success(try reply(connection))
            } catch {
                socket = nil
                reason = report(error)
            }
        }
        return .failure(Problem(reason: reason))
    }

    private func report(_ failure: Failure) -> String {
        switch failure {
        case .socket(let problem):
            log.warning("database memcache:\(options.table): I/O error: \(problem.reason)")
            return problem.reason
        case .truncated:
            log.warning("\(options.table): EOF receiving memcache server reply")
            return "unexpected end of reply"
        case .unexpected(let line):
            log.warning("\(options.table): unexpected memcache server reply: \(Utf8Text.shown(line.prefix(30)))")
            return "unexpected reply"
        }
    }
}
