import InternalProtocol
import MailSystem
import NIOConcurrencyHelpers
import Spool
import TestSupport
import Testing

@testable import Queue

struct QueueManagerTests {
    @Test func anAnnouncedMessageIsDeliveredAndRemoved() async throws {
        let bench = ManagerBench(answer: delivered)
        await bench.manager.start()
        let id = try bench.write(["x@example.com", "y@example.com", "z@example.net"])
        await bench.manager.arrived(id.text)
        #expect(await bench.log("\(id): removed"))
        #expect(bench.location(id) == nil)
        let size = try #require(bench.requests.withLockedValue { $0.first?.contentLength })
        #expect(
            bench.sink.lines.contains(
                "postfix/qmgr: \(id): from=<a@example.org>, size=\(size), nrcpt=3 (queue active)"))
        let batches = bench.requests.withLockedValue { $0.map(\.recipients.count).sorted() }
        #expect(batches == [1, 2])
        #expect(bench.notifier.kinds.isEmpty)
    }

    /// Notifications may be lost: the scan at start and at each queue run finds everything.
    @Test func unannouncedMailIsFound() async throws {
        let bench = ManagerBench(answer: delivered)
        let old = try bench.write(["x@example.com"], queue: "active")
        let first = try bench.write(["x@example.com"])
        await bench.manager.start()
        #expect(await bench.log("\(old): removed"))
        #expect(await bench.log("\(first): removed"))
        let second = try bench.write(["x@example.com"])
        await bench.manager.queueRun()
        #expect(await bench.log("\(second): removed"))
    }

    @Test func deferredMailWaitsLongerEachTime() async throws {
        let bench = ManagerBench(answer: deferredAnswer)
        await bench.manager.start()
        let id = try bench.write(["x@example.com"])
        await bench.manager.arrived(id.text)
        for wait in [300, 300, 600, 1200, 2400, 4000, 4000] {
            let location = await bench.until { bench.location(id) == "deferred" }
            #expect(location)
            let status = try bench.directory.status(queue: "deferred", id: id)
            #expect(status.modified.seconds - bench.clock.now().seconds == wait)
            bench.clock.advance(seconds: Double(wait - 10))
            let tries = bench.requests.withLockedValue { $0.count }
            await bench.manager.queueRun()
            bench.clock.advance(seconds: 10)
            await bench.manager.queueRun()
            #expect(await bench.until { bench.requests.withLockedValue { $0.count } == tries + 1 })
        }
        #expect(await bench.until { bench.location(id) == "deferred" })
        #expect(try BounceLog.read(bench.directory, queue: "defer", id: id).count == 1)
    }

    /// flush(8): who sees a message in the deferred queue and asks for its site's mail gets it.
    @Test func mailIsListedForItsSiteBeforeItIsPutOff() async throws {
        let listed = NIOLockedValueBox<[String]>([])
        let bench = ManagerBench(
            answer: deferredAnswer,
            noteDeferred: { site, _ in
                try? await Task.sleep(for: .milliseconds(50))
                listed.withLockedValue { $0.append(site) }
            })
        await bench.manager.start()
        let id = try bench.write(["x@example.com", "y@example.com", "z@example.net"])
        await bench.manager.arrived(id.text)
        #expect(await bench.until { bench.location(id) == "deferred" })
        #expect(listed.withLockedValue { $0.sorted() } == ["example.com", "example.net"])
    }

    @Test func expiredMailIsReturned() async throws {
        let bench = ManagerBench(answer: deferredAnswer)
        let id = try bench.write(["x@example.com"])
        bench.clock.advance(seconds: 5 * 86_400)
        await bench.manager.start()
        #expect(await bench.log("\(id): from=<a@example.org>, status=expired, returned to sender"))
        #expect(await bench.log("\(id): removed"))
        #expect(bench.notifier.kinds == [.expired])
        #expect(bench.store.paths.allSatisfy { !$0.contains(id.text) })
    }

    @Test func forcedExpiry() async throws {
        let bench = ManagerBench(answer: deferredAnswer)
        let id = try bench.write(["x@example.com"], queue: "deferred")
        try bench.store.setPermissions(bench.directory.path(queue: "deferred", id: id), 0o710)
        await bench.manager.start()
        #expect(await bench.log("status=force-expired, returned to sender"))
        #expect(await bench.log("\(id): removed"))
    }

    @Test func failedRecipientsAreBouncedOnceAndTheRestIsKept() async throws {
        let bench = ManagerBench { request in
            DeliveryReport(
                results: request.recipients.map {
                    $0.address.hasPrefix("bad")
                        ? RecipientResult(
                            offset: $0.offset, outcome: .bounced, status: "5.1.1", action: "failed", reason: "no")
                        : RecipientResult(
                            offset: $0.offset, outcome: .deferred, status: "4.2.0", action: "delayed", reason: "busy")
                })
        }
        await bench.manager.start()
        let id = try bench.write(["bad@example.com", "busy@example.com"])
        await bench.manager.arrived(id.text)
        #expect(await bench.until { bench.location(id) == "deferred" })
        #expect(bench.notifier.kinds == [.failure])
        #expect(bench.notifier.sent.withLockedValue { $0.first?.recipients } == ["bad@example.com"])
        #expect(!bench.store.paths.contains("bounce/\(id)"))
        bench.clock.advance(seconds: 400)
        await bench.manager.queueRun()
        #expect(await bench.until { bench.requests.withLockedValue { $0.count } == 2 })
        #expect(bench.requests.withLockedValue { $0.last?.recipients.map(\.address) } == ["busy@example.com"])
    }

    /// A bounce that cannot be queued keeps its log, and is tried again.
    @Test func aBounceThatCannotBeSentIsNotLost() async throws {
        let bench = ManagerBench(answer: bouncedAnswer)
        bench.notifier.fails.withLockedValue { $0 = true }
        await bench.manager.start()
        let id = try bench.write(["x@example.com"])
        await bench.manager.arrived(id.text)
        #expect(await bench.until { bench.location(id) == "deferred" })
        bench.notifier.fails.withLockedValue { $0 = false }
        bench.clock.advance(seconds: 301)
        await bench.manager.queueRun()
        #expect(await bench.log("\(id): removed"))
        #expect(bench.notifier.sent.withLockedValue { $0.first?.recipients } == ["x@example.com"])
        #expect(bench.requests.withLockedValue { $0.count } == 1)
    }

    @Test func theSenderIsWarnedOnceOfADelay() async throws {
        let bench = ManagerBench(answer: deferredAnswer)
        await bench.manager.start()
        let id = try bench.write(["x@example.com"], warnAfter: 200)
        await bench.manager.arrived(id.text)
        #expect(await bench.until { bench.location(id) == "deferred" })
        #expect(bench.notifier.kinds.isEmpty)
        for _ in 0..<2 {
            bench.clock.advance(seconds: 1500)
            let tries = bench.requests.withLockedValue { $0.count }
            await bench.manager.queueRun()
            #expect(
                await bench.until {
                    bench.requests.withLockedValue { $0.count } > tries && bench.location(id) == "deferred"
                })
        }
        #expect(bench.notifier.kinds == [.delay])
    }

    @Test func aDeadDestinationIsNotTriedForEveryMessage() async throws {
        let failure = DestinationFailure(status: "4.4.1", reason: "connect to mx[192.0.2.1]:25: Connection refused")
        let bench = ManagerBench(
            transport: {
                var one = TransportSettings()
                one.initialDestinationConcurrency = 1
                return one
            }(),
            answer: everyone(.deferred, "4.4.1", "delayed", failure.reason, failure: failure))
        await bench.manager.start()
        for _ in 0..<20 { await bench.manager.arrived(try bench.write(["x@dead.example"]).text) }
        #expect(await bench.until { bench.store.paths.filter { $0.hasPrefix("deferred/") }.count == 20 })
        #expect(bench.requests.withLockedValue { $0.count } == 1)
        #expect(
            bench.sink.lines.contains {
                $0.hasPrefix("postfix/error: ") && $0.contains("relay=none")
                    && $0.hasSuffix(
                        "dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to mx[192.0.2.1]:25: Connection refused)"
                    )
            })
    }

    @Test func anAgentThatIsNotThere() async throws {
        let bench = ManagerBench { _ in
            throw InternalProtocolError.connectionFailed(path: "private/smtp", reason: "No such file or directory")
        }
        await bench.manager.start()
        let id = try bench.write(["x@example.com"])
        await bench.manager.arrived(id.text)
        #expect(await bench.until { bench.location(id) == "deferred" })
        // Over the loopback every error arrives as one of the handler.
        #expect(
            bench.sink.lines.contains(
                "postfix/qmgr: warning: transport smtp failure -- see a previous warning/fatal/panic logfile record "
                    + "for the problem description"))
        #expect(await bench.log("dsn=4.3.0, status=deferred (unknown mail transport error)"))
    }

    /// A reload or crash of the agent: the next one takes what the first had not finished, and nothing is deferred.
    @Test func anAgentThatEndsIsAskedAgain() async throws {
        let calls = NIOLockedValueBox(0)
        let bench = ManagerBench(
            answer: delivered,
            losesConnection: { _ in
                calls.withLockedValue {
                    $0 += 1
                    return $0 == 1
                }
            })
        await bench.manager.start()
        let id = try bench.write(["x@example.com", "y@example.com"])
        await bench.manager.arrived(id.text)
        #expect(await bench.log("\(id): removed"))
        #expect(bench.sink.lines.allSatisfy { !$0.contains("deferred") })
        #expect(bench.requests.withLockedValue { $0.map(\.recipients.count) } == [2])
    }

    /// Deliveries of one message that end together write its log one after the other.
    @Test func manyDeferralsOfOneMessageAreAllLogged() async throws {
        let bench = ManagerBench(answer: deferredAnswer)
        await bench.manager.start()
        let id = try bench.write((0..<40).map { "x@d\($0).example" })
        await bench.manager.arrived(id.text)
        #expect(await bench.until { bench.location(id) == "deferred" })
        #expect(try BounceLog.read(bench.directory, queue: "defer", id: id).count == 40)
        #expect(bench.sink.lines.allSatisfy { !$0.contains("warning") })
    }

    @Test(arguments: [
        ("x@bad.example", "dsn=5.1.3, status=bounced (bad address syntax)", NotificationKind?.some(.failure)),
        ("-x@example.com", "dsn=5.1.3, status=bounced (bad address syntax)", .failure),
        ("double-bounce@here.example", "status=sent (undeliverable postmaster notification discarded)", nil),
    ])
    func decidedWithoutDelivery(recipient: String, text: String, kind: NotificationKind?) async throws {
        let bench = ManagerBench(answer: delivered)
        await bench.manager.start()
        let id = try bench.write([recipient])
        await bench.manager.arrived(id.text)
        #expect(await bench.log("\(id): removed"))
        #expect(bench.sink.contains(text))
        #expect(bench.notifier.kinds == [kind].compactMap { $0 })
        #expect(bench.requests.withLockedValue { $0.isEmpty })
    }

    @Test func aFailingTableDefers() async throws {
        let bench = ManagerBench(answer: delivered)
        await bench.manager.start()
        let id = try bench.write(["x@tablefails.example"])
        await bench.manager.arrived(id.text)
        #expect(await bench.until { bench.location(id) == "deferred" })
        #expect(bench.sink.contains("status=deferred (address resolver failure)"))
    }

    @Test func contentFilterAndRedirect() async throws {
        let bench = ManagerBench(answer: delivered)
        await bench.manager.start()
        for id in [
            try bench.write(["x@example.com"], filter: "scan:[127.0.0.1]:10025"),
            try bench.write(["x@example.com"], filter: "scan:"),
            try bench.write(["x@example.com"], redirect: "other@example.net"),
        ] { await bench.manager.arrived(id.text) }
        #expect(await bench.until { bench.requests.withLockedValue { $0.count } == 3 })
        let seen = bench.requests.withLockedValue { requests in
            Set(requests.map { "\($0.service) \($0.nexthop) \($0.recipients.map(\.address))" })
        }
        #expect(
            seen == [
                "scan [127.0.0.1]:10025 [\"x@example.com\"]", "scan example.com [\"x@example.com\"]",
                "smtp example.net [\"other@example.net\"]",
            ])
    }

    @Test func deferTransportsHoldUntilFlushed() async throws {
        var settings = ManagerSettings()
        settings.deferTransports = ["smtp"]
        let bench = ManagerBench(settings: settings, answer: delivered)
        await bench.manager.start()
        let id = try bench.write(["x@example.com"])
        await bench.manager.arrived(id.text)
        #expect(await bench.log("dsn=4.3.2, status=deferred (deferred transport)"))
        #expect(await bench.until { bench.location(id) == "deferred" })
        await bench.manager.trigger(Set("AFDI".utf8))
        #expect(await bench.log("\(id): removed"))
    }

    @Test func successReportsAreSentWhenAskedFor() async throws {
        let bench = ManagerBench(answer: delivered)
        await bench.manager.start()
        let id = try bench.write(["x@example.com"], notify: 2)
        await bench.manager.arrived(id.text)
        #expect(await bench.log("\(id): removed"))
        #expect(bench.notifier.kinds == [.trace])
        #expect(!bench.store.paths.contains("trace/\(id)"))
    }

    @Test func damagedFilesGoToCorrupt() async throws {
        let bench = ManagerBench(answer: delivered)
        bench.store.put("incoming/4C0FFEE", Array("C garbage".utf8), permissions: 0o700)
        await bench.manager.start()
        #expect(
            await bench.log(
                "warning: saving corrupt file \"4C0FFEE\" from queue \"active\" to queue \"corrupt\""))
        #expect(bench.store.paths.contains("corrupt/4C0FFEE"))
    }

    @Test func filesOfRunningDeliveriesAreLeftAloneAndTakenOverAfterwards() async throws {
        var settings = ManagerSettings()
        settings.lockedFirstRetry = 0.001
        let bench = ManagerBench(settings: settings, answer: delivered)
        let id = try bench.write(["x@example.com"], queue: "active")
        let lock = try bench.directory.open(queue: "active", id: id)
        #expect(try lock.tryLock(exclusive: false))
        await bench.manager.start()
        #expect(await bench.log("\(id): skipped, still being delivered"))
        #expect(bench.location(id) == "active")
        lock.close()
        #expect(await bench.log("\(id): removed"))
        #expect(bench.sink.lines.filter { $0.contains("skipped") }.count == 1)
    }

    @Test func anAgentThatDiesDuringADrainCostsNothing() async throws {
        let (asked, released) = (Signal(), Signal())
        defer { released.set() }
        let bench = ManagerBench { _ in
            asked.set()
            await released.wait()
            throw InternalProtocolError.connectionLost
        }
        await bench.manager.start()
        let id = try bench.write(["x@example.com"])
        await bench.manager.arrived(id.text)
        await asked.wait()
        let handedOver = Signal()
        let draining = Task { await bench.manager.drain { handedOver.set() } }
        await handedOver.wait()
        // The next generation sees that somebody works on it.
        let file = try bench.directory.open(queue: "active", id: id)
        #expect(try file.tryLock(exclusive: true) == false)
        file.close()
        released.set()
        await draining.value
        #expect(bench.location(id) == "incoming")
        #expect(!bench.sink.lines.contains { $0.contains("unknown mail transport error") })
    }

    @Test func hugeMessagesAreReadInParts() async throws {
        var settings = ManagerSettings()
        settings.scheduler.recipientLimit = 50
        var transport = TransportSettings()
        transport.recipientLimit = 60
        let bench = ManagerBench(settings: settings, transport: transport, answer: delivered)
        await bench.manager.start()
        let id = try bench.write((0..<2000).map { "u\($0)@d\($0 % 7).example" })
        await bench.manager.arrived(id.text)
        #expect(await bench.log("\(id): removed"))
        let addresses = bench.requests.withLockedValue { $0.flatMap { $0.recipients.map(\.address) } }
        #expect(addresses.count == 2000 && Set(addresses).count == 2000)
    }

    @Test func drainingFinishesDeliveriesAndGivesBackTheRest() async throws {
        let gate = Signal()
        var transport = TransportSettings()
        transport.processLimit = 1
        let bench = ManagerBench(transport: transport) { request in
            await gate.wait()
            return try await delivered(request)
        }
        await bench.manager.start()
        let ids = try (0..<5).map { try bench.write(["x@d\($0).example"]) }
        for id in ids { await bench.manager.arrived(id.text) }
        #expect(await bench.until { bench.requests.withLockedValue { $0.count } == 1 })
        #expect(await bench.until { bench.store.paths.filter { $0.hasPrefix("active/") }.count == 5 })
        let handedOver = NIOLockedValueBox(0)
        let waiting = Task {
            await bench.manager.drain {
                handedOver.withLockedValue { $0 = bench.store.paths.filter { $0.hasPrefix("incoming/") }.count }
            }
        }
        #expect(await bench.until { handedOver.withLockedValue { $0 } == 4 })
        gate.set()
        await waiting.value
        #expect(bench.store.paths.filter { $0.hasPrefix("active/") }.isEmpty)
        #expect(bench.store.paths.filter { $0.hasPrefix("incoming/") }.count == 4)
        #expect(bench.requests.withLockedValue { $0.count } == 1)
    }
}
