import Spool

/// What a notification says.
enum NotificationKind: Sendable, Equatable {
    /// Recipients that failed: the bounce log.
    case failure
    /// The message is given up: the defer log.
    case expired
    /// The message is late: the defer log.
    case delay
    /// Success that the sender asked for: the trace log.
    case trace
    /// Report of `sendmail -bv` and `sendmail -v`: the trace log.
    case verification

    /// The log that it is made from.
    var log: String {
        switch self {
        case .failure: "bounce"
        case .expired, .delay: "defer"
        case .trace, .verification: "trace"
        }
    }
}

/// Tells sender and postmaster what became of a message (bounce(8)).
protocol Notifier: Sendable {
    /// - Returns: true when the notification is queued, or none is due; false to try again later.
    func notify(_ kind: NotificationKind, id: QueueID, message: QueuedMessage) async -> Bool
}
