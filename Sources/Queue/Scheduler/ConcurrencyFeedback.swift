import Glibc

/// By how much one delivery changes a destination's concurrency: `number`, `number/concurrency` or
/// `number/sqrt_concurrency`, the number being 0 … 1 (SCHEDULER_README, postconf(5)
/// default_destination_concurrency_positive_feedback).
public struct ConcurrencyFeedback: Equatable, Sendable {
    enum Divisor: Sendable { case one, concurrency, squareRoot }
    let amount: Double
    let divisor: Divisor

    /// Nil when the text is none of the three forms, or the number is outside 0 … 1.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2 else { return nil }
        let number = Substring(first).filter { $0 != " " && $0 != "\t" }
        guard let value = Double(number), value >= 0, value <= 1 else { return nil }
        amount = value
        guard parts.count == 2 else {
            divisor = .one
            return
        }
        switch Substring(parts[1]).filter({ $0 != " " && $0 != "\t" }) {
        case "concurrency": divisor = .concurrency
        case "sqrt_concurrency": divisor = .squareRoot
        default: return nil
        }
    }

    public static let whole = ConcurrencyFeedback(amount: 1, divisor: .one)

    private init(amount: Double, divisor: Divisor) {
        self.amount = amount
        self.divisor = divisor
    }

    func value(at concurrency: Int) -> Double {
        switch divisor {
        case .one: amount
        case .concurrency: amount / Double(max(1, concurrency))
        case .squareRoot: amount / Double(max(1, concurrency)).squareRoot()
        }
    }
}
