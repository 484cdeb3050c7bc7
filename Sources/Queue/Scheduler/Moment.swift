/// A moment of a clock that never goes back, in nanoseconds. The scheduler keeps all its timers in it.
public struct Moment: Hashable, Comparable, Sendable {
    public var nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

    public func adding(seconds: Int) -> Moment {
        let (product, overflow) = UInt64(max(0, seconds)).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow2) = nanoseconds.addingReportingOverflow(product)
        return Moment(nanoseconds: overflow || overflow2 ? .max : sum)
    }

    /// Whole seconds from `earlier` to this moment, never negative.
    public func seconds(since earlier: Moment) -> Int {
        nanoseconds <= earlier.nanoseconds ? 0 : Int((nanoseconds - earlier.nanoseconds) / 1_000_000_000)
    }
}
