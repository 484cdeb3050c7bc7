import Glibc

/// A moment of the wall clock, as queue files store it.
public struct MailTime: Hashable, Comparable, Sendable {
    public var seconds: Int
    /// 0 ..< 1,000,000
    public var microseconds: Int

    public init(seconds: Int, microseconds: Int = 0) {
        self.seconds = seconds
        self.microseconds = microseconds
    }

    public static func < (left: MailTime, right: MailTime) -> Bool {
        (left.seconds, left.microseconds) < (right.seconds, right.microseconds)
    }

    /// Seconds from `earlier` to this moment; negative when the clock went back.
    public func since(_ earlier: MailTime) -> Double {
        Double(seconds - earlier.seconds) + Double(microseconds - earlier.microseconds) / 1_000_000
    }

    public func adding(seconds more: Int) -> MailTime {
        MailTime(seconds: seconds + more, microseconds: microseconds)
    }
}

/// Where time comes from, so that tests and the simulator can supply it.
public protocol MailClock: Sendable {
    /// The wall clock.
    func now() -> MailTime
    /// Nanoseconds of a clock that never goes back.
    func monotonicNanoseconds() -> UInt64
}

public struct SystemClock: MailClock {
    public init() {}

    public func now() -> MailTime {
        var value = timespec()
        clock_gettime(CLOCK_REALTIME, &value)
        return MailTime(seconds: Int(value.tv_sec), microseconds: Int(value.tv_nsec) / 1000)
    }

    public func monotonicNanoseconds() -> UInt64 {
        var value = timespec()
        clock_gettime(CLOCK_MONOTONIC, &value)
        return UInt64(value.tv_sec) * 1_000_000_000 + UInt64(value.tv_nsec)
    }
}
