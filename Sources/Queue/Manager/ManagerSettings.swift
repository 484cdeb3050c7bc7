/// What main.cf says to the queue manager besides the scheduler's limits.
struct ManagerSettings: Sendable {
    var scheduler = SchedulerSettings()
    var retry = RetrySchedule()
    /// Seconds between scans of the deferred queue.
    var queueRunDelay = 300
    /// Transports that deliver only when the queue is flushed.
    var deferTransports: Set<String> = []
    var allowMinUser = false
    /// Local part of the sender of notifications to the postmaster.
    var doubleBounceSender = "double-bounce"
    var defaultFilterNexthop = ""
    /// delay_logging_resolution_limit.
    var delayResolution = 2
    /// info_log_address_format.
    var logsInternalAddresses = false
    var recipientDelimiter = ""
    /// confirm_delay_cleared.
    var confirmDelayCleared = false
    /// Seconds until a file that a delivery agent holds is looked at again.
    var lockedRetryTime = 60
    /// Seconds until the first look at a file that another process still works on.
    var lockedFirstRetry = 0.5
    /// Seconds until a step on disk that failed is tried again.
    var diskRetryTime = 5.0
    /// Until the second attempt to reach a delivery agent.
    var connectRetryMilliseconds = 300
}
