/// Values that wait under a key to be taken once, the latest first: a limited number for each key. When they expire is
/// for the owner to say.
package struct ConnectionStore<Key: Hashable, Value> {
    /// Names a stored value.
    package struct Ticket: Hashable {
        let key: Key
        let number: UInt64
    }

    private var entries: [Key: [(number: UInt64, value: Value)]] = [:]
    private var last: UInt64 = 0
    private let limit: Int

    /// - Parameter limit: values for each key.
    package init(limit: Int) { self.limit = limit }

    /// - Returns: nil when there are too many already.
    package mutating func store(_ value: Value, for key: Key) -> Ticket? {
        guard entries[key]?.count ?? 0 < limit else { return nil }
        last &+= 1
        entries[key, default: []].append((last, value))
        return Ticket(key: key, number: last)
    }

    package mutating func take(_ key: Key) -> Value? {
        guard let entry = entries[key]?.popLast() else { return nil }
        forgetIfEmpty(key)
        return entry.value
    }

    /// - Returns: nil when it was taken already.
    package mutating func remove(_ ticket: Ticket) -> Value? {
        guard let index = entries[ticket.key]?.firstIndex(where: { $0.number == ticket.number }) else { return nil }
        let entry = entries[ticket.key]?.remove(at: index)
        forgetIfEmpty(ticket.key)
        return entry?.value
    }

    /// Empties it.
    package mutating func removeAll() -> [Value] {
        defer { entries = [:] }
        return entries.values.flatMap { $0.map(\.value) }
    }

    private mutating func forgetIfEmpty(_ key: Key) {
        if entries[key]?.isEmpty == true { entries[key] = nil }
    }
}

extension ConnectionStore: Sendable where Key: Sendable, Value: Sendable {}
extension ConnectionStore.Ticket: Sendable where Key: Sendable {}
