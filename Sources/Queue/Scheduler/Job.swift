import DequeModule
import InternalProtocol

/// Recipients of one message that travel together.
struct Batch {
    var nexthop: String
    var recipients: [DeliveryRecipient]
}

/// The batches of one job for one destination.
final class Peer {
    unowned let job: Job
    let destination: Destination
    var batches = Deque<Batch>()
    /// A slot of the destination is kept for this peer.
    var holdsSlot = false
    /// In the job's `selectable` or the destination's `waiting`; never in both.
    var isQueued = false

    init(job: Job, destination: Destination) {
        self.job = job
        self.destination = destination
    }
}

/// One message within one transport (SCHEDULER_README, "The structures used by nqmgr").
final class Job {
    enum Place: Equatable {
        /// Nothing can be selected: no batches, or every destination is busy.
        case nowhere
        /// Among the transport's jobs that may be selected, in this size class.
        case ready(sizeClass: Int)
        /// Being delivered, or set aside by a smaller job.
        case stacked
    }

    let message: ScheduledMessage
    unowned let transport: Transport
    var peers: [ObjectIdentifier: Peer] = [:]
    /// Peers whose destination had room when last seen, round robin.
    var selectable = Deque<Peer>()
    /// Batches not selected yet.
    var pending = 0
    /// Recipients in memory, in delivery included.
    var heldRecipients = 0
    /// Selections that count towards letting smaller jobs pass, in units of 1/deliverySlotCost slot.
    var earned = 0
    /// Slots given to smaller jobs, in the same unit.
    var spent = 0
    var place = Place.nowhere
    /// Told apart from older notes about the same job by this number.
    var stamp: UInt64 = 0

    init(message: ScheduledMessage, transport: Transport) {
        self.message = message
        self.transport = transport
    }

    /// Deliveries that the job still needs, with a guess for recipients that are not in memory.
    var remaining: Int {
        let unread = message.unreadRecipients
        guard unread > 0 else { return pending }
        return pending + 1 + unread / transport.settings.recipientsPerDelivery
    }
}
