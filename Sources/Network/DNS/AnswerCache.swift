/// Answers that are still good, so that a name that is asked for again and again (the name of a busy client, a relay
/// host) does not cost two changes of threads each time. libunbound has the large cache; this one is small.
struct AnswerCache {
    private struct Key: Hashable {
        var name: String
        var type: RecordType
    }

    private struct Entry {
        var answer: DNSAnswer
        /// Seconds on the monotonic clock.
        var expiry: Int
    }

    private var entries: [Key: Entry] = [:]
    private let limit: Int
    /// Longer answers are left to libunbound: the cache is bounded in bytes, too.
    private static let recordLimit = 8

    /// - Parameter limit: answers that are kept at most.
    init(limit: Int = 2048) { self.limit = max(1, limit) }

    func answer(_ name: String, _ type: RecordType, at now: Int) -> DNSAnswer? {
        guard let entry = entries[Key(name: name, type: type)], now < entry.expiry else { return nil }
        return entry.answer
    }

    /// - Parameter timeToLive: seconds, what the name servers said. Failures are never kept.
    mutating func keep(_ answer: DNSAnswer, for name: String, _ type: RecordType, timeToLive: Int, at now: Int) {
        switch answer {
        case .temporaryFailure, .malformed, .filtered, .filterFailure: return
        case .records(let records, _) where records.count > Self.recordLimit: return
        case .records, .noSuchDomain, .noData: break
        }
        guard timeToLive > 0 else { return }
        if entries.count >= limit {
            entries = entries.filter { $0.value.expiry > now }
            // Most are good still: which of them to lose does not matter, libunbound has them.
            if entries.count > limit / 2 { entries = [:] }
        }
        entries[Key(name: name, type: type)] = Entry(answer: answer, expiry: now + min(timeToLive, 86400))
    }
}
