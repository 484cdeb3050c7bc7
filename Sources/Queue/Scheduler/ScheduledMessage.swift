import InternalProtocol

/// A message of the active queue, as the scheduler knows it.
public final class ScheduledMessage: @unchecked Sendable {
    // Unchecked: belongs to one scheduler, which one actor owns.

    public let queueID: String
    /// When the message entered the active queue.
    public let activated: Moment
    /// Order of arrival in the active queue.
    let sequence: UInt64
    /// Recipients that are still in the queue file only, as far as is known.
    public internal(set) var unreadRecipients = 0
    /// Recipients in memory: waiting, in delivery, or being settled.
    public internal(set) var heldRecipients = 0
    /// A batch of recipients is being read.
    public internal(set) var isReading = true
    var lastRefill: Moment
    /// The message's work per transport.
    var jobs: [Job] = []
    var isFinished = false

    init(queueID: String, sequence: UInt64, activated: Moment) {
        self.queueID = queueID
        self.sequence = sequence
        self.activated = activated
        lastRefill = activated
    }
}

/// A recipient with its route.
public struct RoutedRecipient: Sendable, Equatable {
    public var recipient: DeliveryRecipient
    /// Service name in master.cf.
    public var transport: String
    public var nexthop: String
    /// What destination limits apply to when the transport schedules by recipient: the recipient without extension.
    public var recipientKey: String

    public init(recipient: DeliveryRecipient, transport: String, nexthop: String, recipientKey: String = "") {
        self.recipient = recipient
        self.transport = transport
        self.nexthop = nexthop
        self.recipientKey = recipientKey.isEmpty ? recipient.address : recipientKey
    }
}

/// One delivery that the scheduler has decided on: it occupies a slot of its transport and of its destination until
/// `Scheduler.completed` is told how it ended.
public final class Delivery: @unchecked Sendable {
    // Unchecked: belongs to one scheduler, which one actor owns.

    public let message: ScheduledMessage
    public let recipients: [DeliveryRecipient]
    public let nexthop: String
    let destination: Destination
    /// More batches wait for this destination: the connection is worth keeping.
    public let moreToCome: Bool

    public var transport: String { destination.transport.name }

    init(
        message: ScheduledMessage, recipients: [DeliveryRecipient], nexthop: String, destination: Destination,
        moreToCome: Bool
    ) {
        self.message = message
        self.recipients = recipients
        self.nexthop = nexthop
        self.destination = destination
        self.moreToCome = moreToCome
    }
}

/// How a delivery ended, as far as the destination and the transport are concerned.
public enum DeliveryEnd: Sendable, Equatable {
    /// The destination answered, whatever became of the recipients.
    case answered
    /// The destination could not be reached.
    case unreachable(DestinationFailure)
    /// The delivery agent could not be reached or broke down.
    case transportFailed(DestinationFailure)
}
