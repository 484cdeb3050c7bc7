/// Which destinations have a high volume of mail: those keep their connections for the next message (postconf(5),
/// smtp_connection_cache_on_demand). The queue manager sees that messages wait; this sees those that follow one
/// another so fast that none has to.
struct DeliveryVolume<Key: Hashable & Sendable>: Sendable {
    /// Deliveries within a second that count as high volume.
    static var high: Int { 20 }

    private static var second: UInt64 { 1_000_000_000 }

    private struct Count: Sendable {
        /// Nanoseconds of the monotonic clock.
        var started: UInt64
        var deliveries = 0
        /// In the second before.
        var before = 0
    }

    private var counts: [Key: Count] = [:]
    /// Destinations to remember.
    private let limit: Int

    init(limit: Int = 1000) { self.limit = limit }

    /// Counts a delivery.
    /// - Parameter now: nanoseconds of the monotonic clock.
    /// - Returns: whether the volume to the destination is high.
    mutating func record(_ key: Key, now: UInt64) -> Bool {
        var count = counts[key] ?? Count(started: now)
        let age = now &- count.started
        if age >= Self.second {
            count = Count(started: now, before: age < 2 * Self.second ? count.deliveries : 0)
        }
        count.deliveries += 1
        counts[key] = count
        if counts.count > limit { forget(now) }
        return max(count.deliveries, count.before) >= Self.high
    }

    /// Forgets who had nothing for two seconds, or all when nobody is left out by that.
    private mutating func forget(_ now: UInt64) {
        counts = counts.filter { now &- $0.value.started < 2 * Self.second }
        if counts.count > limit { counts = [:] }
    }
}
