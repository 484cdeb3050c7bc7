import Glibc
import InternalProtocol
import MailSystem
import NIOConcurrencyHelpers
import Spool
import TestSupport
import Testing

@testable import Queue

/// Disks that fail for a moment: what the simulation found to get stuck, or to be done twice.
struct ManagerFaultTests {
    /// Fails matching operations while it is on.
    private final class Trouble: Sendable {
        let isOn = NIOLockedValueBox(true)

        init(_ store: MemoryFileStore, _ matches: @escaping @Sendable (_ operation: String, _ path: String) -> Bool) {
            let isOn = isOn
            store.setFault { operation, path in isOn.withLockedValue { $0 } && matches(operation, path) ? EIO : nil }
        }

        func end() { isOn.withLockedValue { $0 = false } }
    }

    /// Simulation: a message stayed in the active queue until the next start.
    @Test func aMessageThatCannotBePutOffComesUpAgain() async throws {
        let bench = ManagerBench(answer: deferredAnswer)
        await bench.manager.start()
        let id = try bench.write(["x@example.com"])
        let trouble = Trouble(bench.store) { $0 == "rename" && $1.hasPrefix("active/") }
        await bench.manager.arrived(id.text)
        #expect(await bench.log("\(id): move to deferred queue"))
        trouble.end()
        #expect(await bench.until { bench.location(id) == "deferred" })
    }

    /// Simulation: a finished message stayed in the active queue until the next start.
    @Test func aMessageThatCannotBeRemovedIsRemovedLater() async throws {
        let bench = ManagerBench(answer: delivered)
        await bench.manager.start()
        let id = try bench.write(["x@example.com"])
        let trouble = Trouble(bench.store) { $0 == "remove" && $1.hasPrefix("active/") }
        await bench.manager.arrived(id.text)
        #expect(await bench.log("\(id): remove: "))
        trouble.end()
        #expect(await bench.log("\(id): removed"))
        #expect(bench.location(id) == nil)
        #expect(bench.requests.withLockedValue { $0.count } == 1)
    }

    /// Simulation: recipients were bounced, and delivered, twice when their mark could not be written.
    @Test func aRecipientThatCannotBeMarkedIsNotTriedAgain() async throws {
        let bench = ManagerBench(answer: { request in
            DeliveryReport(
                results: request.recipients.map {
                    $0.address.hasPrefix("bad")
                        ? RecipientResult(
                            offset: $0.offset, outcome: .bounced, status: "5.1.1", action: "failed", reason: "unknown")
                        : RecipientResult(
                            offset: $0.offset, outcome: .deferred, status: "4.2.0", action: "delayed", reason: "busy")
                })
        })
        await bench.manager.start()
        let id = try bench.write(["bad@example.com", "x@example.com"])
        let trouble = Trouble(bench.store) { $0 == "write" && $1.hasPrefix("active/") }
        await bench.manager.arrived(id.text)
        #expect(await bench.until { bench.location(id) == "deferred" })
        trouble.end()
        bench.clock.advance(seconds: 1000)
        await bench.manager.queueRun()
        #expect(await bench.until { bench.requests.withLockedValue { $0.count } >= 2 })
        #expect(bench.requests.withLockedValue { $0.last?.recipients.map(\.address) } == ["x@example.com"])
        #expect(bench.notifier.kinds == [.failure])
    }

    /// Simulation: one file of the active queue that could not be moved at start left all others behind.
    @Test func whatCannotBeRecoveredAtStartIsTriedAgain() async throws {
        let bench = ManagerBench(answer: delivered)
        let ids = try (0..<3).map { try bench.write(["x\($0)@example.com"], queue: "active") }
        let first = ids[0].text
        let trouble = Trouble(bench.store) { $0 == "rename" && $1 == "active/\(first)" }
        await bench.manager.start()
        for id in ids[1...] { #expect(await bench.log("\(id): removed")) }
        trouble.end()
        #expect(await bench.log("\(first): removed"))
    }

    /// Simulation: the queue could not be read at start, and was never read again.
    @Test func aQueueThatCannotBeReadAtStartIsReadLater() async throws {
        let bench = ManagerBench(answer: delivered)
        let id = try bench.write(["x@example.com"], queue: "active")
        let trouble = Trouble(bench.store) { operation, path in operation == "list" && path == "active" }
        async let started: Void = bench.manager.start()
        #expect(await bench.log("scan active queue"))
        trouble.end()
        await started
        #expect(await bench.log("\(id): removed"))
    }
}
