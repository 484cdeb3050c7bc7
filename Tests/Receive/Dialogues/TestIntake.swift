import MailSystem
import NIOCore
import Synchronization

@testable import Receive

/// Keeps messages in memory.
final class TestIntake: MessageIntake {
    struct Message: Sendable {
        var envelope: MessageEnvelope
        var recipients: [MessageRecipient] = []
        var effects = MessageEffects()
        var text = ""
    }

    let messages = Mutex<[Message]>([])
    let aborted = Mutex(0)
    private let next = Mutex(0)

    func begin(_ envelope: MessageEnvelope) async throws -> any IncomingMail {
        let number = next.withLock {
            $0 += 1
            return $0
        }
        return TestMail(id: "TEST\(number)", envelope: envelope, intake: self)
    }
}

final class TestMail: IncomingMail {
    let queueID: String
    private let intake: TestIntake
    private let message: Mutex<TestIntake.Message>

    init(id: String, envelope: MessageEnvelope, intake: TestIntake) {
        queueID = id
        self.intake = intake
        message = Mutex(TestIntake.Message(envelope: envelope))
    }

    func add(_ recipient: MessageRecipient) async { message.withLock { $0.recipients.append(recipient) } }
    func set(_ effects: MessageEffects) async { message.withLock { $0.effects = effects } }
    func prepend(_ header: String) async { message.withLock { $0.text += header + "\n" } }
    func append(_ text: ByteBuffer) async { message.withLock { $0.text += String(buffer: text) } }
    func abort() async { intake.aborted.withLock { $0 += 1 } }

    func finish() async -> IntakeVerdict {
        let done = message.withLock { $0 }
        intake.messages.withLock { $0.append(done) }
        return .accepted
    }
}

/// Knows the recipients foo, bar and postmaster @example.com; refuses others as Debian's Postfix does in the dialogues.
struct TestChecker: RestrictionChecker {
    func check(
        _ stage: RestrictionStage, _ facts: SessionFacts, _ memory: inout RestrictionMemory
    ) async -> RestrictionVerdict {
        guard stage == .recipient, let recipient = facts.recipient else { return .accept }
        if recipient.hasSuffix("@elsewhere.test") {
            return RestrictionVerdict(refusal: ServerReply(454, "4.7.1", "<\(recipient)>: Relay access denied"))
        }
        let known = ["foo", "bar", "postmaster"].contains { recipient == $0 || recipient == "\($0)@example.com" }
        if known { return .accept }
        return RestrictionVerdict(
            refusal: ServerReply(
                550, "5.1.1",
                "<\(recipient)>: Recipient address rejected: User unknown in local recipient table"))
    }

    func headerRewriting(_ facts: SessionFacts) async -> HeaderRewriting { .remote }
}
