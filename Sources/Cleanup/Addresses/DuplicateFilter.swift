import MailSyntax

/// Drops recipients that were already written. Remembers a limited number.
struct DuplicateFilter: Sendable {
    private var seen: Set<String> = []
    private let limit: Int
    private let usesOriginal: Bool

    /// - Parameters:
    ///   - limit: duplicate_filter_limit; 0: none.
    ///   - usesOriginal: enable_original_recipient: the same address reached by different ways is not the same.
    init(limit: Int, usesOriginal: Bool) {
        self.limit = limit
        self.usesOriginal = usesOriginal
    }

    /// True when the recipient must not be written again.
    mutating func isDuplicate(recipient: String, original: String, dsnOriginal: String, dsnNotify: Int) -> Bool {
        let key = key(recipient, original, dsnOriginal, dsnNotify)
        if seen.contains(key) { return true }
        if limit <= 0 || seen.count < limit { seen.insert(key) }
        return false
    }

    /// The recipient was taken out again.
    mutating func forget(recipient: String, original: String, dsnOriginal: String, dsnNotify: Int) {
        seen.remove(key(recipient, original, dsnOriginal, dsnNotify))
    }

    private func key(_ recipient: String, _ original: String, _ dsnOriginal: String, _ dsnNotify: Int) -> String {
        ASCII.lowercased(usesOriginal ? "\(recipient)\n\(original)\n\(dsnNotify)\n\(dsnOriginal)" : recipient)
    }
}
