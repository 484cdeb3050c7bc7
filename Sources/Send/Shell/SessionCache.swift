import MailSystem
import NIOConcurrencyHelpers
import NIOCore

/// Open connections that wait a moment for the next message to the same destination (postconf(5),
/// smtp_connection_cache_on_demand). Bounded by number and by time.
final class SessionCache: Sendable {
    struct Key: Hashable, Sendable {
        var service: String
        var destination: Destination
    }

    private struct Entry: Sendable {
        var connection: ClientConnection
        var expiry: Scheduled<Void>
    }

    private let limit: Int
    private let entries = NIOLockedValueBox<[Key: [Entry]]>([:])

    /// - Parameter limit: connections for each destination.
    init(limit: Int = 100) { self.limit = limit }

    /// A connection that was alive a moment ago; the caller owns it.
    func take(_ key: Key) -> ClientConnection? {
        while true {
            let entry = entries.withLockedValue { table -> Entry? in
                guard let entry = table[key]?.popLast() else { return nil }
                if table[key]?.isEmpty == true { table[key] = nil }
                return entry
            }
            guard let entry else { return nil }
            entry.expiry.cancel()
            if entry.connection.current.isDead { continue }
            return entry.connection
        }
    }

    func store(_ connection: ClientConnection, for key: Key, seconds: Int) {
        let expiry = connection.channel.eventLoop.scheduleTask(in: .seconds(Int64(max(seconds, 1)))) { [self] in
            expire(connection, key)
        }
        let kept = entries.withLockedValue { table -> Bool in
            guard table[key]?.count ?? 0 < limit else { return false }
            table[key, default: []].append(Entry(connection: connection, expiry: expiry))
            return true
        }
        if !kept {
            expiry.cancel()
            connection.quit()
        }
    }

    private func expire(_ connection: ClientConnection, _ key: Key) {
        let found = entries.withLockedValue { table -> Bool in
            guard let index = table[key]?.firstIndex(where: { $0.connection === connection }) else { return false }
            table[key]?.remove(at: index)
            if table[key]?.isEmpty == true { table[key] = nil }
            return true
        }
        if found { connection.quit() }
    }

    /// Closes all: the process ends.
    func clear() {
        let all = entries.withLockedValue { table in
            defer { table = [:] }
            return table.values.flatMap { $0 }
        }
        for entry in all {
            entry.expiry.cancel()
            entry.connection.quit()
        }
    }
}
