/// A compatibility level: `2`, `3.6`, `3.6.1`. COMPATIBILITY_README.
public struct CompatibilityLevel: Comparable, Sendable {
    let parts: [Int]

    /// Nil when the text is not one to three numbers joined by dots.
    public init?(_ text: String) {
        let fields = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...3).contains(fields.count) else { return nil }
        var parts: [Int] = []
        for field in fields {
            guard let number = TimeSetting.decimal(field) else { return nil }
            parts.append(number)
        }
        while parts.count < 3 { parts.append(0) }
        self.parts = parts
    }

    public static func < (left: CompatibilityLevel, right: CompatibilityLevel) -> Bool {
        left.parts.lexicographicallyPrecedes(right.parts)
    }
}
