import Configuration
import MailSystem
import Spool
import TestSupport
import Testing

@testable import Queue

struct NotificationPlanTests {
    private func plan(
        _ kind: NotificationKind, _ sender: String, _ classes: Set<String>
    ) -> [String] {
        var settings = NotificationPlan.Settings()
        settings.classes = classes
        settings.doubleBounceAddress = "double-bounce@mail.example.com"
        let plan = NotificationPlan(kind, sender: sender, settings: settings)
        return plan.notices.map { "\($0.sender) to \($0.recipient): \($0.label)" }
            + (plan.isDiscarded ? ["discarded"] : [])
    }

    private static let both = "double-bounce@mail.example.com to postmaster: postmaster non-delivery notification"
    private static let toSender = " to a@example.org: sender non-delivery notification"

    private static let cases: [(NotificationKind, String, Set<String>, [String])] = [
        (.failure, "a@example.org", [], [toSender]),
        (.failure, "a@example.org", ["bounce"], [toSender, both]),
        (.expired, "a@example.org", ["2bounce"], [toSender]),
        (.failure, "", [], []),
        (.failure, "", ["2bounce"], [both]),
        (.failure, "Double-Bounce@mail.example.com", ["2bounce", "bounce"], ["discarded"]),
        (
            .delay, "a@example.org", ["delay"],
            [
                " to a@example.org: sender delay notification",
                "double-bounce@mail.example.com to postmaster: postmaster delay notification",
            ]
        ),
        (.trace, "a@example.org", [], [" to a@example.org: sender delivery status notification"]),
        (.trace, "", [], []),
    ]

    @Test(arguments: cases)
    func whoIsTold(kind: NotificationKind, sender: String, classes: Set<String>, notices: [String]) {
        #expect(plan(kind, sender, classes) == notices)
    }
}

struct NotificationServiceTests {
    private func service(_ bench: SubmissionBench) -> NotificationService {
        NotificationService(
            settings: NotificationSettings(bench.parameters), plan: NotificationPlan.Settings(bench.parameters),
            directory: bench.bench.directory, cleanup: bench.cleanup, work: PoolWork(pool: .init()),
            clock: bench.bench.clock, log: MailLog(tag: "postfix/bounce", sink: bench.bench.sink))
    }

    private func bounced(_ bench: SubmissionBench, sender: String, notify: Int = 0) async throws -> (Bool, QueueID) {
        let id = try bench.bench.write(["no@example.net"], sender: sender, queue: "active")
        try BounceLog.append(
            bench.bench.directory, queue: "bounce", id: id,
            RecipientLogEntry(
                recipient: "no@example.net", dsnNotify: notify, status: "5.1.1", action: "failed",
                reason: "unknown user"))
        let reader = try QueueFileReader.open(bench.bench.directory, queue: "active", id: id)
        defer { reader.close() }
        let message = try reader.envelope()
        return (await service(bench).notify(.failure, id: id, message: message), id)
    }

    /// Simulation: a message that a power loss had damaged was tried for ever, because no notification could be made of it.
    @Test func aDamagedMessageIsMarked() async throws {
        let bench = try SubmissionBench()
        let id = try bench.bench.write(["no@example.net"], sender: "a@example.org", queue: "active")
        try BounceLog.append(
            bench.bench.directory, queue: "bounce", id: id,
            RecipientLogEntry(recipient: "no@example.net", status: "5.1.1", action: "failed", reason: "unknown user"))
        let reader = try QueueFileReader.open(bench.bench.directory, queue: "active", id: id, writing: true)
        defer { reader.close() }
        let message = try reader.envelope()
        let offset = message.size.dataOffset
        try reader.file.write([UInt8](repeating: 0, count: reader.size - offset), at: offset)
        #expect(await !service(bench).notify(.failure, id: id, message: message))
        #expect(try reader.file.status().mode & 0o7777 == QueueFileMode.corrupt)
    }

    @Test func theSenderGetsABounce() async throws {
        let bench = try SubmissionBench()
        let (sent, id) = try await bounced(bench, sender: "a@example.org")
        #expect(sent)
        let bounce = try #require(bench.arrived.withLockedValue { $0.first })
        let queued = try bench.recipients(bounce)
        #expect(queued.sender.isEmpty && queued.recipients == ["a@example.org"])
        let text = try bench.text(bounce)
        #expect(text.hasPrefix("Received: by mail.example.com (Postfix)\n\tid \(bounce); "))
        #expect(text.contains("\nTo: a@example.org\n") && text.contains("<no@example.net>: unknown user"))
        #expect(text.contains("\nFinal-Recipient: rfc822; no@example.net\n") && text.contains("\nSubject: test\n"))
        #expect(bench.bench.sink.lines.contains("postfix/bounce: \(id): sender non-delivery notification: \(bounce)"))
    }

    @Test func notifyNeverMeansNobody() async throws {
        let bench = try SubmissionBench()
        #expect(try await bounced(bench, sender: "a@example.org", notify: 1).0)
        #expect(bench.arrived.withLockedValue { $0.isEmpty })
    }

    @Test func bouncesOfBouncesGoToThePostmasterIfAtAll() async throws {
        let silent = try SubmissionBench()
        #expect(try await bounced(silent, sender: "").0)
        #expect(silent.arrived.withLockedValue { $0.isEmpty })
        let loud = try SubmissionBench(["notify_classes": "2bounce"])
        #expect(try await bounced(loud, sender: "").0)
        let id = try #require(loud.arrived.withLockedValue { $0.first })
        #expect(try loud.recipients(id).sender == "double-bounce@mail.example.com")
        #expect(try loud.recipients(id).recipients == ["postmaster@example.com"])
    }

    @Test func aFullDiskMeansLater() async throws {
        let bench = try SubmissionBench()
        let id = try bench.bench.write(["no@example.net"], queue: "active")
        try BounceLog.append(
            bench.bench.directory, queue: "bounce", id: id,
            RecipientLogEntry(recipient: "no@example.net", status: "5.1.1", action: "failed", reason: "unknown user"))
        let reader = try QueueFileReader.open(bench.bench.directory, queue: "active", id: id)
        let message = try reader.envelope()
        bench.bench.store.setFault { operation, path in operation == "create" && path.hasPrefix("incoming") ? 28 : nil }
        #expect(await service(bench).notify(.failure, id: id, message: message) == false)
    }
}
