import MailSystem

/// When a deferred message is tried again, when its sender is warned, and when it is given up (qmgr(8)).
public struct RetrySchedule: Sendable, Equatable {
    /// All in seconds.
    public var minimalBackoff = 300
    public var maximalBackoff = 4000
    public var lifetime = 5 * 86_400
    public var bounceLifetime = 5 * 86_400

    public init() {}

    /// The waiting time doubles from attempt to attempt because it equals the message's age.
    public func delay(arrival: MailTime, now: MailTime) -> Int {
        min(max(now.seconds - arrival.seconds, minimalBackoff), max(minimalBackoff, maximalBackoff))
    }

    /// True when a message whose delivery failed for now is not tried again.
    public func isExpired(arrival: MailTime, isBounce: Bool, now: MailTime) -> Bool {
        now.seconds - arrival.seconds >= (isBounce ? min(lifetime, bounceLifetime) : lifetime)
    }
}
