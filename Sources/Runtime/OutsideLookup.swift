import InternalProtocol
import Lookup

/// What a process in a chroot has the queue process look up, which sees what the chroot hides.
public struct OutsideLookup: Sendable {
    private let queue: any InternalCaller

    /// - Parameter queue: leads to `InternalEndpoint.queue`.
    public init(asking queue: any InternalCaller) { self.queue = queue }

    /// The users and groups of the system.
    public var systemDatabase: SystemDatabase {
        return { (database, key) async throws(LookupError) in
            try await ask(SystemDatabaseRequest(database: database, key: key), for: "unix:\(database)")
                .map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// Tables of servers that `proxy_read_maps` allows.
    public var proxy: ProxyLookup {
        return { (table, options, key) async throws(LookupError) in
            try await ask(ProxyLookupRequest(table: table, options: options.rawValue, key: key), for: table)
        }
    }

    private func ask<Request: InternalRequest>(
        _ request: Request, for table: String
    ) async throws(LookupError) -> [UInt8]? where Request.Reply == LookupReply {
        let reply: LookupReply
        do { reply = try await queue.call(request) } catch { throw LookupError(table: table, reason: "\(error)") }
        switch reply {
        case .found(let value): return value
        case .notFound: return nil
        case .failed(let reason): throw LookupError(table: table, reason: reason)
        }
    }
}
