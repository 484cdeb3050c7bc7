import MailSyntax
import MailSystem

/// The text protocol of memcached.
///
/// `@unchecked Sendable`: the pool gives a client to one thread at a time.
final class MemcacheClient: BlockingClient, @unchecked Sendable {
    struct Options: Sendable {
        let endpoint: ClientEndpoint
        let server: String
        let flags: Int
        /// Seconds.
        let lifetime: Int
        let timeout: Int
        let pause: Int
        let attempts: Int
        /// Octets.
        let lineLimit: Int
        let dataLimit: Int

        /// One attempt, with small limits.
        init(trying endpoint: ClientEndpoint) {
            (self.endpoint, server, flags, lifetime) = (endpoint, "\(endpoint)", 0, 3600)
            (timeout, pause, attempts, lineLimit, dataLimit) = (2, 0, 1, 1000, 1000)
        }

        init(_ settings: ClientSettings) throws(TableOpenError) {
            let text = try settings.string("memcache", "inet:localhost:11211", minimum: 1)
            let bytes = Array(text.utf8)
            if bytes.starts(with: "unix:".utf8) {
                server = bytes.dropFirst(5).text
                endpoint = .unix(server)
            } else if bytes.starts(with: "inet:".utf8) {
                server = bytes.dropFirst(5).text
                endpoint = try ClientEndpoint(hostAndPort: server, defaultPort: "11211")
            } else {
                throw TableOpenError("bad memcache setting: \(text)")
            }
            flags = try settings.int("flags", 0)
            lifetime = try settings.int("ttl", 3600)
            timeout = try settings.int("timeout", 2, minimum: 1)
            pause = try settings.int("retry_pause", 1)
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
        exchange(Array("get ".utf8) + key + [0x0D, 0x0A]) { connection throws(ClientSocket.Failure) in
            let line = try self.line(connection)
            if line.text == "END" { return nil }
            let words = line.split(separator: 0x20)
            guard words.count >= 4, words[0].text == "VALUE", let count = ASCII.decimal(words[3]) else {
                throw .unknownHost("unexpected reply: \(line.prefix(100).text)")
            }
            guard count <= self.options.dataLimit else { throw .tooLong }
            let value = try connection.read(count: count)
            guard try connection.read(count: 2) == [0x0D, 0x0A], try self.line(connection).text == "END" else {
                throw .unknownHost("unexpected reply")
            }
            return value
        }
    }

    func set(_ key: [UInt8], _ value: [UInt8]) -> Result<Void, Problem> {
        let head = Array("set ".utf8) + key + Array(" \(options.flags) \(options.lifetime) \(value.count)\r\n".utf8)
        return exchange(head + value + [0x0D, 0x0A]) { connection throws(ClientSocket.Failure) in
            let reply = try self.line(connection)
            if reply.text != "STORED" { self.log.warning("memcache update failed: \(reply.prefix(100).text)") }
        }
    }

    func delete(_ key: [UInt8]) -> Result<Bool, Problem> {
        exchange(Array("delete ".utf8) + key + [0x0D, 0x0A]) { connection throws(ClientSocket.Failure) in
            try self.line(connection).text == "DELETED"
        }
    }

    private func line(_ connection: ClientSocket) throws(ClientSocket.Failure) -> [UInt8] {
        let line = try connection.read(until: 0x0A, limit: options.lineLimit)
        return line.last == 0x0D ? Array(line.dropLast()) : line
    }

    private func exchange<Value>(
        _ request: [UInt8], _ reply: (ClientSocket) throws(ClientSocket.Failure) -> Value
    ) -> Result<Value, Problem> {
        var reason = ""
        for attempt in 1...options.attempts {
            if attempt > 1 { Pause.seconds(options.pause) }
            let connection: ClientSocket
            do throws(ClientSocket.Failure) {
                if let socket {
                    connection = socket
                } else {
                    connection = try ClientSocket(options.endpoint, timeout: options.timeout)
                    socket = connection
                }
            } catch {
                // A server that accepts no connection is not asked again.
                log.warning("connect to \(options.server): \(error.reason)")
                return .failure(Problem(reason: error.reason))
            }
            do throws(ClientSocket.Failure) {
                try connection.send(request)
                return .success(try reply(connection))
            } catch {
                socket = nil
                reason = error.reason
                log.warning("memcache server \(options.server): \(reason)")
            }
        }
        return .failure(Problem(reason: reason))
    }
}
