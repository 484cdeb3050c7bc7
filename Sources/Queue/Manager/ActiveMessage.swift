import InternalProtocol
import MailSystem
import Spool

/// Why a message was given to the queue manager, and what its file's mode asks for.
struct MessageRequests: Sendable, Equatable {
    /// The queue is being flushed: `defer_transports` does not hold it back.
    var isFlush = false
    /// `postqueue -i`: forget that its destinations are dead.
    var unthrottle = false
    /// `postsuper -e`: return it to the sender now.
    var expire = false
    /// It has been in the queue before: logs of earlier attempts may exist.
    var mayHaveLogs = false
}

/// A queue file as it was read on its way into the active queue.
struct OpenedMessage: Sendable {
    var id: QueueID
    var message: QueuedMessage
    var requests: MessageRequests
    /// Part of the recipients that are still to do.
    var recipients: [QueuedRecipient]
    /// Where the next part begins; nil when there is none.
    var next: RecipientCursor?
}

/// A message of the active queue: what its file says, and what has happened to its recipients so far.
final class ActiveMessage: @unchecked Sendable {
    // Unchecked: belongs to one queue manager, and only its actor touches it.

    let id: QueueID
    let message: QueuedMessage
    let requests: MessageRequests
    let scheduled: ScheduledMessage
    /// When it entered the active queue.
    let activated: MailTime
    var next: RecipientCursor?
    /// Recipients read so far that were still to do.
    var recipientsSeen = 0
    /// Offsets of the recipients that are done with.
    var finished: [Int] = []
    /// How often the disk has refused to note that.
    var failedMarks = 0
    var hasDeferred = false
    var hasBounced = false
    var hasTrace = false
    /// A defer log was written in this round.
    var wroteDeferLog = false
    /// Its logs are being written; the waiting come after, one by one.
    var isRecording = false
    var recordWaiters: [CheckedContinuation<Void, Never>] = []
    /// Deliveries that ended with the connection to the agent.
    var lostConnections = 0
    /// Work on it that is under way: reading, routing, deliveries, logs.
    var tasks = 0
    /// Its last steps on disk are under way.
    var isEnding = false

    init(_ opened: OpenedMessage, scheduled: ScheduledMessage, activated: MailTime) {
        id = opened.id
        message = opened.message
        requests = opened.requests
        next = opened.next
        self.scheduled = scheduled
        self.activated = activated
    }

    /// A bounce message: its lifetime is shorter, and its failure goes to the postmaster.
    var isBounce: Bool { message.sender.isEmpty }

    var flags: DeliveryFlags {
        var flags: DeliveryFlags = []
        let trace = message.traceFlags
        if trace & 256 != 0 { flags.insert(.verifyForMTA) }
        if trace & 512 != 0 { flags.insert(.verifyForUser) }
        if trace & 1024 != 0, message.traceOffset != nil { flags.insert(.record) }
        return flags
    }

    /// Logs that may exist beside the message.
    var logNames: [String] {
        if requests.mayHaveLogs { return QueueDirectory.logQueues }
        return [hasBounced ? "bounce" : nil, wroteDeferLog ? "defer" : nil, hasTrace ? "trace" : nil].compactMap { $0 }
    }

    var isVerification: Bool { flags.contains(.verifyForMTA) || flags.contains(.verifyForUser) }
}

extension DeliveryRecipient {
    init(_ queued: QueuedRecipient, address: String) {
        self.init(
            offset: queued.offset, address: address, originalAddress: queued.original,
            dsnOriginalRecipient: queued.dsnOriginal, dsnNotify: queued.dsnNotify)
    }
}
