import Glibc
import InternalProtocol
import MailSystem
import NIOConcurrencyHelpers
import Spool
import TestSupport
import Testing

@testable import Queue

/// A disk that is full, read-only or was left by a crash: no message is forgotten, none is delivered twice for it.
struct DiskTroubleTests {
    private var quick: ManagerSettings {
        var settings = ManagerSettings()
        settings.diskRetryTime = 0.001
        settings.lockedFirstRetry = 0.001
        return settings
    }

    /// `deferred/X` cannot be made: the message is not forgotten in the active queue.
    @Test func aMessageThatCannotBePutOffIsPutOffLater() async throws {
        let bench = ManagerBench(settings: quick, answer: deferredAnswer)
        await bench.manager.start()
        let id = try bench.write(["x@example.com"])
        bench.store.setFault { operation, path in
            operation == "rename" && path.hasPrefix("active/") ? ENOSPC : nil
        }
        await bench.manager.arrived(id.text)
        #expect(await bench.log("\(id): move to deferred queue"))
        #expect(bench.location(id) == "active")
        bench.store.setFault(nil)
        #expect(await bench.until { bench.location(id) == "deferred" })
        #expect(await bench.manager.stuck == 0)
    }

    /// A message that is done but cannot be removed is not delivered again by this process.
    @Test func aMessageThatCannotBeRemovedIsRemovedLater() async throws {
        let bench = ManagerBench(settings: quick, answer: delivered)
        await bench.manager.start()
        let id = try bench.write(["x@example.com"])
        bench.store.setFault { operation, path in operation == "remove" && path.hasPrefix("active/") ? EROFS : nil }
        await bench.manager.arrived(id.text)
        #expect(await bench.log("\(id): remove: "))
        await bench.manager.queueRun()
        bench.store.setFault(nil)
        #expect(await bench.log("\(id): removed"))
        #expect(bench.location(id) == nil)
        #expect(bench.requests.withLockedValue { $0.count } == 1)
    }

    /// At start, one file that cannot be moved does not hide the others, and gets its turn.
    @Test func whatCannotBeTakenOverAtStartIsTakenLater() async throws {
        let bench = ManagerBench(settings: quick, answer: delivered)
        let ids = try (0..<3).map { try bench.write(["x@d\($0).example"], queue: "active") }
        let failures = NIOLockedValueBox(2)
        bench.store.setFault { operation, path in
            guard operation == "rename", path.hasPrefix("active/") else { return nil }
            return failures.withLockedValue { left in
                guard left > 0 else { return nil }
                left -= 1
                return EROFS
            }
        }
        await bench.manager.start()
        for id in ids { #expect(await bench.log("\(id): removed")) }
    }

    /// A crash between the defer log and the deferred queue, with a delivery agent that holds the file for a while: the
    /// message comes in again as if it were new, and leaves no log behind.
    @Test func noDeferLogOutlivesItsMessage() async throws {
        let bench = ManagerBench(settings: quick, answer: delivered)
        let id = try bench.write(["x@example.com"], queue: "active")
        try BounceLog.append(
            bench.directory, queue: "defer", id: id,
            RecipientLogEntry(
                recipient: "x@example.com", status: "4.2.0", action: "delayed", reason: "before the crash"))
        let lock = try bench.directory.open(queue: "active", id: id)
        #expect(try lock.tryLock(exclusive: false))
        await bench.manager.start()
        #expect(await bench.log("\(id): skipped, still being delivered"))
        lock.close()
        #expect(await bench.log("\(id): removed"))
        #expect(bench.store.paths.allSatisfy { !$0.contains(id.text) })
    }
}
