import Configuration

extension SchedulerSettings {
    init(_ parameters: Parameters) {
        self.init()
        messageLimit = max(1, parameters.int("qmgr_message_active_limit"))
        recipientLimit = max(1, parameters.int("qmgr_message_recipient_limit"))
        recipientMinimum = max(1, parameters.int("qmgr_message_recipient_minimum"))
        deadDestinationTime = parameters.seconds("minimal_backoff_time")
        transportRetryTime = parameters.seconds("transport_retry_time")
        clogWarningTime = parameters.bool("helpful_warnings") ? parameters.seconds("qmgr_clog_warn_time") : 0
        debugFeedback = parameters.bool("destination_concurrency_feedback_debug")
    }
}

extension TransportSettings {
    /// - Parameters:
    ///   - service: name in master.cf.
    ///   - processLimit: maxproc of its line.
    init(_ parameters: Parameters, service: String, processLimit: Int) {
        self.init()
        func int(_ suffix: String) -> Int { parameters.transportInt(service, suffix) }
        func seconds(_ suffix: String) -> Int { parameters.transportSeconds(service, suffix) }
        self.processLimit = processLimit
        destinationConcurrencyLimit = int("_destination_concurrency_limit")
        initialDestinationConcurrency = int("_initial_destination_concurrency")
        destinationRecipientLimit = int("_destination_recipient_limit")
        positiveFeedback =
            ConcurrencyFeedback(parameters.transport(service, "_destination_concurrency_positive_feedback")) ?? .whole
        negativeFeedback =
            ConcurrencyFeedback(parameters.transport(service, "_destination_concurrency_negative_feedback")) ?? .whole
        failedCohortLimit = int("_destination_concurrency_failed_cohort_limit")
        destinationRateDelay = seconds("_destination_rate_delay")
        transportRateDelay = seconds("_transport_rate_delay")
        recipientLimit = int("_recipient_limit")
        extraRecipientLimit = int("_extra_recipient_limit")
        recipientRefillLimit = max(1, int("_recipient_refill_limit"))
        recipientRefillDelay = seconds("_recipient_refill_delay")
        deliverySlotCost = int("_delivery_slot_cost")
        minimumDeliverySlots = int("_minimum_delivery_slots")
        deliverySlotDiscount = int("_delivery_slot_discount")
        deliverySlotLoan = int("_delivery_slot_loan")
    }

    /// For every transport: the limits that main.cf and master.cf give it.
    static func lookup(_ parameters: Parameters, _ master: MasterConfiguration) -> @Sendable (String) -> Self {
        var limits: [String: Int] = [:]
        for service in master.services where service.kind == .unix { limits[service.name] = service.processLimit }
        let standard = parameters.int("default_process_limit")
        return { [limits] service in
            Self(parameters, service: service, processLimit: limits[service] ?? standard)
        }
    }
}

extension RetrySchedule {
    init(_ parameters: Parameters) {
        self.init()
        minimalBackoff = parameters.seconds("minimal_backoff_time")
        maximalBackoff = parameters.seconds("maximal_backoff_time")
        lifetime = parameters.seconds("maximal_queue_lifetime")
        bounceLifetime = parameters.seconds("bounce_queue_lifetime")
    }
}

extension ManagerSettings {
    init(_ parameters: Parameters) {
        self.init()
        scheduler = SchedulerSettings(parameters)
        retry = RetrySchedule(parameters)
        queueRunDelay = max(1, parameters.seconds("queue_run_delay"))
        deferTransports = Set(parameters.list("defer_transports"))
        allowMinUser = parameters.bool("allow_min_user")
        doubleBounceSender = parameters["double_bounce_sender"]
        defaultFilterNexthop = parameters["default_filter_nexthop"]
        delayResolution = parameters.int("delay_logging_resolution_limit")
        logsInternalAddresses = parameters["info_log_address_format"] == "internal"
        recipientDelimiter = parameters["recipient_delimiter"]
        confirmDelayCleared = parameters.bool("confirm_delay_cleared")
    }
}
