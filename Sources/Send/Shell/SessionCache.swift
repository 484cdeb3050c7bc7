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

    private let entries: NIOLockedValueBox<ConnectionStore<Key, Entry>>
    private let volume = NIOLockedValueBox(DeliveryVolume<Key>())

    /// - Parameter limit: connections for each destination.
    init(limit: Int = 100) { entries = NIOLockedValueBox(ConnectionStore(limit: limit)) }

    /// A connection that was alive a moment ago; the caller owns it.
    func take(_ key: Key) -> ClientConnection? {
        while let entry = entries.withLockedValue({ $0.take(key) }) {
            entry.expiry.cancel()
            if !entry.connection.current.isDead { return entry.connection }
        }
        return nil
    }

    /// Counts a delivery, and tells whether so many follow one another that the connection should be kept.
    func isBusy(_ key: Key, now: UInt64) -> Bool { volume.withLockedValue { $0.record(key, now: now) } }

    func store(_ connection: ClientConnection, for key: Key, seconds: Int) {
        let ticket = NIOLockedValueBox<ConnectionStore<Key, Entry>.Ticket?>(nil)
        let expiry = connection.channel.eventLoop.scheduleTask(in: .seconds(Int64(max(seconds, 1)))) { [self] in
            if let ticket = ticket.withLockedValue({ $0 }) { expire(ticket) }
        }
        let stored = entries.withLockedValue { $0.store(Entry(connection: connection, expiry: expiry), for: key) }
        ticket.withLockedValue { $0 = stored }
        if stored == nil {
            expiry.cancel()
            connection.quit()
        }
    }

    private func expire(_ ticket: ConnectionStore<Key, Entry>.Ticket) {
        entries.withLockedValue { $0.remove(ticket) }?.connection.quit()
    }

    /// Closes all: the process ends.
    func clear() {
        for entry in entries.withLockedValue({ $0.removeAll() }) {
            entry.expiry.cancel()
            entry.connection.quit()
        }
    }
}
