/// What main.cf and master.cf say about one delivery transport; the names are those of postconf(5) without the
/// transport's name in front. A limit of 0 means none.
public struct TransportSettings: Sendable, Equatable {
    /// master.cf maxproc: deliveries of the service at one time.
    public var processLimit = 100
    public var destinationConcurrencyLimit = 20
    public var initialDestinationConcurrency = 5
    public var destinationRecipientLimit = 50
    public var positiveFeedback = ConcurrencyFeedback.whole
    public var negativeFeedback = ConcurrencyFeedback.whole
    public var failedCohortLimit = 1
    /// Seconds between two deliveries to one destination; when set, one delivery at a time.
    public var destinationRateDelay = 0
    /// Seconds between two deliveries of the transport.
    public var transportRateDelay = 0
    public var recipientLimit = 20_000
    public var extraRecipientLimit = 1_000
    public var recipientRefillLimit = 100
    /// Seconds.
    public var recipientRefillDelay = 5
    /// Deliveries that earn one slot for smaller messages; 0 switches preemption off.
    public var deliverySlotCost = 5
    public var minimumDeliverySlots = 3
    /// Percent.
    public var deliverySlotDiscount = 50
    public var deliverySlotLoan = 3

    public init() {}

    /// The most deliveries to one destination that may ever run together.
    var concurrencyCeiling: Int {
        if destinationRateDelay > 0 { return 1 }
        return destinationConcurrencyLimit == 0 ? .max / 4 : destinationConcurrencyLimit
    }

    var initialConcurrency: Int { max(1, min(initialDestinationConcurrency, concurrencyCeiling)) }
    var recipientsPerDelivery: Int { destinationRecipientLimit == 0 ? .max : destinationRecipientLimit }
    var deliveriesAtOnce: Int { processLimit == 0 ? .max : processLimit }

    /// With one recipient a delivery, limits for a destination become limits for a recipient (postconf(5)
    /// default_destination_recipient_limit).
    var schedulesByRecipient: Bool { destinationRecipientLimit == 1 }
}

/// Limits of the whole active queue.
public struct SchedulerSettings: Sendable, Equatable {
    public var messageLimit = 20_000
    public var recipientLimit = 20_000
    public var recipientMinimum = 10
    /// Seconds that a dead destination is left alone: minimal_backoff_time.
    public var deadDestinationTime = 300
    /// Seconds that a transport which cannot be reached is left alone: transport_retry_time.
    public var transportRetryTime = 60
    /// Seconds between warnings that a destination clogs the active queue; 0 switches them off.
    public var clogWarningTime = 300
    /// Log how feedback changes concurrency: destination_concurrency_feedback_debug.
    public var debugFeedback = false

    public init() {}
}
