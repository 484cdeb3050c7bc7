import Glibc
import MailSystem
import Spool
import Testing

@testable import Deliver
@testable import Simulation

/// Mailbox deliveries on a disk that fails: what the simulation found.
struct MailboxTests {
    private let world = World(seed: 1)
    private let disk: SimulatedDisk
    private let store: SimulatedStore

    init() {
        disk = SimulatedDisk(world, name: "mail", order: .journal)
        disk.prepareDirectory("mail")
        store = SimulatedStore(disk: disk, process: SimulatedProcess(world, kind: "deliver", number: 1))
    }

    private func deliver(_ format: MailboxJob.Format, _ path: String, owner: UInt32 = 5000) throws -> MailboxOutcome {
        var bytes: [UInt8] = []
        for line in ["Subject: x", "", "body"] { bytes += RecordCodec.encode(.line, line.utf8) }
        bytes += RecordCodec.encode(.extracted, [])
        let queued = try store.create("mail/queued", permissions: 0o700)
        try queued.write(bytes, at: 0)
        defer { disk.remove("mail/queued") }
        let job = MailboxJob(
            format: format, path: path, prefix: Array("From a\n".utf8), dataOffset: 0, owner: owner, group: owner,
            hostName: "vm")
        return MailboxWriter.perform(
            job, file: queued, in: SimulatedMailboxes(store: store, words: WordCounter()))
    }

    private func text(_ path: String) -> String { String(decoding: disk.find(path)?.bytes ?? [], as: UTF8.self) }

    @Test func aDeliveryThatWasCutOffDoesNotSwallowTheNextOne() throws {
        let mailbox = try store.create("mail/m", permissions: 0o600)
        disk.find("mail/m")?.owner = 5000
        try mailbox.write(Array("From a\nSubject: y\n\nhal".utf8), at: 0)
        #expect(try deliver(.mbox, "/mail/m") == .delivered(offset: 22))
        #expect(text("mail/m").hasSuffix("\n\nhal\n\nFrom a\nSubject: x\n\nbody\n\n"))
        // Where all is well nothing is added.
        _ = try deliver(.mbox, "/mail/m")
        #expect(text("mail/m").hasSuffix("body\n\nFrom a\nSubject: x\n\nbody\n\n"))
    }

    @Test func aMailboxThatWasNotYetGivenAwayIsGivenAway() throws {
        _ = try store.create("mail/m", permissions: 0o600)
        #expect(try deliver(.mbox, "/mail/m") == .delivered(offset: 0))
        #expect(disk.find("mail/m")?.owner == 5000)
    }

    @Test func aMaildirNameThatIsNotDurableIsTakenBack() throws {
        #expect(try deliver(.maildir, "/mail/u/") == .delivered(offset: 0))
        disk.fault = { operation, path, _ in operation == .synchronize && path == "mail/u/new" ? EIO : nil }
        guard case .failed(_, let code) = try deliver(.maildir, "/mail/u/") else {
            Issue.record("a delivery without its name")
            return
        }
        #expect(code == Int(EIO))
        #expect(disk.names(in: "mail/u/new")?.count == 1)
        #expect(disk.names(in: "mail/u/tmp")?.isEmpty == true)
    }

    @Test func aQueueFileThatCannotBeReadNowIsNotDamaged() throws {
        disk.fault = { operation, _, _ in operation == .read ? EIO : nil }
        guard case .failed(_, let code) = try deliver(.maildir, "/mail/u/") else {
            Issue.record("a read error was taken for damage")
            return
        }
        #expect(code == Int(EIO))
    }
}
