import InternalProtocol
import Testing

@testable import Queue

/// A scheduler with a clock that tests set and agents that answer when told.
final class Bench {
    let scheduler: Scheduler
    var now = Moment(nanoseconds: 1_000_000_000)
    var running: [Delivery] = []
    var finished: [String] = []
    var suspended: [(id: String, count: Int, reason: String)] = []
    var warnings: [String] = []
    /// Recipients that are still on disk, by queue id.
    var unread: [String: [RoutedRecipient]] = [:]
    var order: [String] = []
    /// How many recipients a message held when more were asked for.
    var refills: [(id: String, held: Int)] = []
    private var messages: [String: ScheduledMessage] = [:]

    init(_ settings: SchedulerSettings = SchedulerSettings(), transport: TransportSettings = TransportSettings()) {
        scheduler = Scheduler(settings: settings) { _ in transport }
    }

    func add(_ id: String, to destinations: [String], transport: String = "smtp") {
        let message = scheduler.admit(queueID: id, now: now)
        messages[id] = message
        unread[id] = destinations.enumerated().map { index, name in
            RoutedRecipient(
                recipient: DeliveryRecipient(offset: index, address: "u\(index)@\(name)"), transport: transport,
                nexthop: name)
        }
        read(message, scheduler.firstBatchLimit)
        settle()
    }

    private func read(_ message: ScheduledMessage, _ limit: Int) {
        let all = unread[message.queueID] ?? []
        let part = Array(all.prefix(limit))
        unread[message.queueID] = Array(all.dropFirst(part.count))
        scheduler.assign(message, recipients: part, unread: all.count - part.count, now: now)
    }

    func settle() {
        while true {
            let actions = scheduler.takeActions(now: now)
            if actions.isEmpty { return }
            for action in actions {
                switch action {
                case .deliver(let delivery):
                    running.append(delivery)
                    order.append(delivery.message.queueID)
                case .suspend(let message, let recipients, let failure):
                    suspended.append((message.queueID, recipients.count, failure.reason))
                    scheduler.settled(message, count: recipients.count, now: now)
                case .refill(let message, let limit):
                    refills.append((message.queueID, message.heldRecipients))
                    read(message, limit)
                case .finished(let message): finished.append(message.queueID)
                case .warning(let text): warnings.append(text)
                case .log: break
                }
            }
        }
    }

    func complete(_ delivery: Delivery, _ end: DeliveryEnd = .answered) {
        running.removeAll { $0 === delivery }
        scheduler.completed(delivery, end, now: now)
        scheduler.settled(delivery.message, count: delivery.recipients.count, now: now)
        settle()
    }

    func completeFirst(_ end: DeliveryEnd = .answered) { complete(running[0], end) }

    func pass(seconds: Int) {
        now = now.adding(seconds: seconds)
        settle()
    }

    func runAll() { while !running.isEmpty { completeFirst() } }
}

private func transport(_ change: (inout TransportSettings) -> Void) -> TransportSettings {
    var settings = TransportSettings()
    change(&settings)
    return settings
}

private let refused = DeliveryEnd.unreachable(DestinationFailure(status: "4.4.1", reason: "Connection refused"))

struct SchedulerTests {
    @Test func startsWithTheInitialConcurrencyAndGrowsToTheLimit() {
        let bench = Bench()
        for index in 0..<100 { bench.add("M\(index)", to: ["example.com"]) }
        #expect(bench.running.count == 5)
        for _ in 0..<5 { bench.completeFirst() }
        #expect(bench.running.count == 10)
        for _ in 0..<40 { bench.completeFirst() }
        #expect(bench.running.count == 20)
        bench.runAll()
        #expect(bench.finished.count == 100)
        #expect(bench.scheduler.messageCount == 0 && bench.scheduler.recipientCount == 0)
    }

    @Test(arguments: [("1", 10), ("1/concurrency", 6), ("1/sqrt_concurrency", 7), ("0", 5)])
    func positiveFeedback(form: String, after: Int) throws {
        let feedback = try #require(ConcurrencyFeedback(form))
        let bench = Bench(transport: transport { $0.positiveFeedback = feedback })
        for index in 0..<60 { bench.add("M\(index)", to: ["example.com"]) }
        for _ in 0..<5 { bench.completeFirst() }
        #expect(bench.running.count == after)
    }

    @Test(arguments: ["", "2", "-1", "1/x", "1/concurrency/2", "one"])
    func badFeedback(form: String) { #expect(ConcurrencyFeedback(form) == nil) }

    @Test func aDeadDestinationIsLeftAloneForTheBackoffTime() {
        let bench = Bench()
        for index in 0..<30 { bench.add("M\(index)", to: ["dead.example"]) }
        bench.add("other", to: ["alive.example"])
        while let delivery = bench.running.first(where: { $0.nexthop == "dead.example" }) {
            bench.complete(delivery, refused)
        }
        #expect(!bench.suspended.isEmpty)
        #expect(bench.finished.count == 30)
        bench.add("late", to: ["dead.example"])
        #expect(bench.suspended.last?.id == "late")
        #expect(bench.running.map(\.message.queueID) == ["other"])
        bench.pass(seconds: 300)
        bench.add("later", to: ["dead.example"])
        #expect(bench.running.count == 2)
    }

    @Test func flushForgetsDeadDestinations() {
        let bench = Bench(transport: transport { $0.initialDestinationConcurrency = 1 })
        bench.add("a", to: ["dead.example"])
        bench.completeFirst(refused)
        bench.add("b", to: ["dead.example"])
        #expect(bench.running.isEmpty)
        bench.scheduler.forgetFailures(now: bench.now)
        bench.add("c", to: ["dead.example"])
        #expect(bench.running.count == 1)
    }

    @Test func aFailedTransportSuspendsAllItsMail() {
        let bench = Bench()
        for index in 0..<8 { bench.add("M\(index)", to: ["d\(index % 2).example"]) }
        bench.completeFirst(.transportFailed(DestinationFailure(status: "4.3.0", reason: "mail transport unavailable")))
        bench.add("new", to: ["d3.example"])
        #expect(bench.suspended.contains { $0.id == "new" && $0.reason == "mail transport unavailable" })
        bench.runAll()
        bench.pass(seconds: 60)
        bench.add("again", to: ["d3.example"])
        #expect(bench.running.count == 1)
    }

    @Test func processLimitBoundsTheTransport() {
        let bench = Bench(transport: transport { $0.processLimit = 3 })
        for index in 0..<10 { bench.add("M\(index)", to: ["d\(index).example"]) }
        #expect(bench.running.count == 3)
        bench.completeFirst()
        #expect(bench.running.count == 3)
        bench.runAll()
        #expect(bench.finished.count == 10)
    }

    @Test func recipientsTravelTogetherUpToTheLimit() {
        let bench = Bench(transport: transport { $0.destinationRecipientLimit = 50 })
        bench.add("M", to: Array(repeating: "example.com", count: 120) + ["example.net"])
        #expect(bench.running.map(\.recipients.count).sorted() == [1, 20, 50, 50])
    }

    @Test func oneRecipientADeliveryLimitsByRecipient() {
        let bench = Bench(
            transport: transport {
                $0.destinationRecipientLimit = 1
                $0.destinationConcurrencyLimit = 2
            })
        bench.add("M", to: Array(repeating: "example.com", count: 9))
        #expect(bench.running.count == 9)
        for id in ["A", "B", "C"] { bench.add(id, to: ["example.org"]) }
        #expect(bench.running.filter { $0.nexthop == "example.org" }.count == 2)
    }

    @Test func smallMessagesPassAHugeOne() throws {
        let bench = Bench(
            transport: transport {
                $0.processLimit = 1
                $0.destinationRecipientLimit = 1
            })
        bench.add("huge", to: (0..<1000).map { "d\($0).example" })
        for _ in 0..<20 { bench.completeFirst() }
        for index in 0..<3 { bench.add("small\(index)", to: ["example.com"]) }
        for _ in 0..<12 { bench.completeFirst() }
        #expect(bench.finished.filter { $0.hasPrefix("small") }.count == 3)
        bench.runAll()
        #expect(bench.finished.count == 4)
    }

    @Test func preemptionNeverTakesMoreThanItsShare() {
        let bench = Bench(transport: transport { $0.processLimit = 1 })
        bench.add("big", to: (0..<200).map { "d\($0).example" })
        for index in 0..<300 { bench.add("small\(index)", to: ["s\(index).example"]) }
        bench.runAll()
        // One slot in five goes to smaller messages, and a few more on loan.
        let last = bench.order.lastIndex(of: "big") ?? 0
        #expect(last <= 200 + 200 / 4 + 4)
        #expect(bench.finished.count == 301)
    }

    @Test func aSlowDestinationDoesNotBlockOthers() {
        let bench = Bench(transport: transport { $0.processLimit = 100 })
        for index in 0..<500 { bench.add("slow\(index)", to: ["slow.example"]) }
        for index in 0..<50 { bench.add("fast\(index)", to: ["fast.example"]) }
        while let fast = bench.running.first(where: { $0.nexthop == "fast.example" }) { bench.complete(fast) }
        #expect(bench.finished.count == 50)
        #expect(bench.running.count == 5)
    }

    @Test func aHugeMessageIsReadPiecewise() {
        var settings = SchedulerSettings()
        settings.recipientLimit = 500
        let bench = Bench(settings, transport: transport { $0.recipientLimit = 400 })
        bench.add("huge", to: (0..<10_000).map { "d\($0 % 40).example" })
        var most = 0
        while !bench.running.isEmpty {
            most = max(most, bench.scheduler.recipientCount)
            bench.completeFirst()
        }
        #expect(bench.finished == ["huge"])
        #expect(most <= 500 + 400)
    }

    /// default_extra_recipient_limit: a message that passes another one reads on earlier.
    @Test func aMessageThatPassesMayHoldMore() {
        func heldAtFirstRefill(extra: Int) -> Int {
            var settings = SchedulerSettings()
            settings.recipientLimit = 400
            settings.recipientMinimum = 10
            let bench = Bench(
                settings,
                transport: transport {
                    $0.processLimit = 1
                    $0.destinationRecipientLimit = 1
                    $0.recipientLimit = 300
                    $0.recipientRefillLimit = 5
                    $0.extraRecipientLimit = extra
                })
            bench.add("huge", to: (0..<2000).map { "d\($0).example" })
            for _ in 0..<600 { bench.completeFirst() }
            bench.add("small", to: (0..<200).map { "s\($0).example" })
            bench.runAll()
            #expect(bench.finished.count == 2)
            let first = bench.refills.first { $0.id == "small" }
            return first?.held ?? -1
        }
        let usual = heldAtFirstRefill(extra: 0)
        let extra = heldAtFirstRefill(extra: 50)
        #expect(usual >= 0)
        #expect(extra > usual)
    }

    @Test func destinationRateDelay() {
        let bench = Bench(transport: transport { $0.destinationRateDelay = 10 })
        for index in 0..<3 { bench.add("M\(index)", to: ["example.com"]) }
        #expect(bench.running.count == 1)
        bench.completeFirst()
        #expect(bench.running.isEmpty)
        #expect(bench.scheduler.nextTimer == bench.now.adding(seconds: 10))
        bench.pass(seconds: 10)
        #expect(bench.running.count == 1)
    }

    @Test func transportRateDelay() {
        let bench = Bench(transport: transport { $0.transportRateDelay = 5 })
        for index in 0..<3 { bench.add("M\(index)", to: ["d\(index).example"]) }
        #expect(bench.running.count == 1)
        bench.pass(seconds: 5)
        #expect(bench.running.count == 2)
    }

    @Test func warnsWhenOneDestinationClogsTheActiveQueue() {
        var settings = SchedulerSettings()
        settings.messageLimit = 100
        let bench = Bench(settings)
        for index in 0..<30 { bench.add("M\(index)", to: ["example.com"]) }
        #expect(bench.warnings.first == "mail for example.com is using up 21 of 21 active queue entries")
        #expect(bench.warnings.last == "to turn off these warnings specify: qmgr_clog_warn_time = 0")
        #expect(bench.warnings.filter { $0.hasPrefix("mail for") }.count == 1)
    }

    /// Random work with random failures: everything ends exactly once, and no counter drifts.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8])
    func nothingIsLostUnderRandomLoad(seed: UInt64) {
        var random = SplitMix(state: seed)
        var settings = SchedulerSettings()
        settings.recipientLimit = 200
        let bench = Bench(
            settings,
            transport: transport {
                $0.processLimit = 7
                $0.recipientLimit = 100
                $0.destinationRecipientLimit = seed % 2 == 0 ? 3 : 1
            })
        var added = 0
        while added < 300 || !bench.running.isEmpty {
            if added < 300, random.next() % 3 == 0 {
                let count = random.next() % 20 == 0 ? 400 : Int(random.next() % 4) + 1
                bench.add("M\(added)", to: (0..<count).map { _ in "d\(random.next() % 12).example" })
                added += 1
            } else if !bench.running.isEmpty {
                let delivery = bench.running[Int(random.next() % UInt64(bench.running.count))]
                bench.complete(delivery, random.next() % 5 == 0 ? refused : .answered)
            }
            if random.next() % 40 == 0 { bench.pass(seconds: 400) }
        }
        bench.pass(seconds: 1000)
        #expect(Set(bench.finished).count == 300 && bench.finished.count == 300)
        #expect(bench.scheduler.messageCount == 0 && bench.scheduler.recipientCount == 0)
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
