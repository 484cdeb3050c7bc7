/// A compatibility level: `2`, `3.6`, `3.6.1`. COMPATIBILITY_README.
public struct CompatibilityLevel: Comparable, Sendable, CustomStringConvertible {
    /// major · 2^20 + minor · 2^10 + patch
    public let code: Int

    public static let zero = CompatibilityLevel(code: 0)

    private init(code: Int) { self.code = code }

    private static let bits = 10
    private static let limit = 1 << bits

    /// Nil when the text is not one to three numbers joined by dots, or a number is too large: minor and patch are
    /// below 1024.
    public init?(_ text: String) {
        let fields = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...3).contains(fields.count) else { return nil }
        var code = 0
        for index in 0..<3 {
            let field = index < fields.count ? fields[index] : "0"
            guard let number = TimeSetting.decimal(field), number < (index == 0 ? 2 * Self.limit : Self.limit) else {
                return nil
            }
            code = code << Self.bits | number
        }
        self.code = code
    }

    /// From 3 on with the minor number, a patch of 0 is left out.
    public var description: String {
        let major = code >> (2 * Self.bits)
        let minor = code >> Self.bits & (Self.limit - 1)
        let patch = code & (Self.limit - 1)
        if patch > 0 { return "\(major).\(minor).\(patch)" }
        return major > 2 || minor > 0 ? "\(major).\(minor)" : "\(major)"
    }

    public static func < (left: CompatibilityLevel, right: CompatibilityLevel) -> Bool { left.code < right.code }
}
