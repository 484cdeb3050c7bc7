import Glibc
import MailSystem
import Testing

@testable import Deliver

@Suite("Maildirs")
struct MaildirWriterTests {
    /// A disk that has room for no directory more.
    private struct FullDisk: MailboxFiles {
        private let disk = POSIXMailboxFiles()

        func create(_ path: String, permissions: UInt32) throws(SystemError) -> any MailboxFile {
            try disk.create(path, permissions: permissions)
        }
        func open(_ path: String) throws(SystemError) -> any MailboxFile { try disk.open(path) }
        func openForReading(_ path: String) throws(SystemError) -> any MailboxFile { try disk.openForReading(path) }
        func linkStatus(_ path: String) -> FileStatus? { disk.linkStatus(path) }
        func link(_ old: String, to new: String) throws(SystemError) { try disk.link(old, to: new) }
        func rename(_ old: String, to new: String) throws(SystemError) { try disk.rename(old, to: new) }
        func remove(_ path: String) throws(SystemError) { try disk.remove(path) }
        func makeDirectory(_ path: String, permissions: UInt32) throws(SystemError) {
            throw SystemError("make directory", path: path, errno: ENOSPC)
        }
        func makeDirectories(_ path: String, permissions: UInt32) throws(SystemError) {
            throw SystemError("make directory", path: path, errno: ENOSPC)
        }
        func synchronizeDirectory(_ path: String) throws(SystemError) { try disk.synchronizeDirectory(path) }
        func now() -> MailTime { disk.now() }
        func pause(seconds: Int) {}
        func uniqueWord() -> String { disk.uniqueWord() }
        var isRoot: Bool { disk.isRoot }
    }

    private func deliver(to name: String, in files: any MailboxFiles, _ fixture: DeliveryFixture) throws
        -> MailboxOutcome
    {
        let request = try fixture.message(["a@example.com"], service: "x")
        let file = try POSIXFileStore(root: fixture.root).open("active/\(request.queueID)", writing: false)
        defer { file.close() }
        var job = MailboxJob(
            format: .maildir, path: "\(fixture.root)/vmail/\(name)/", prefix: [], dataOffset: request.dataOffset,
            owner: getuid(), group: getgid(), hostName: "mx")
        job.locks = []
        return MailboxWriter.perform(job, file: file, in: files)
    }

    /// The disk was full while the maildir was made: not the missing directory is what is wrong, and nothing to return mail for.
    @Test("one that lacks a directory for want of room says so", arguments: [[], ["tmp"]])
    func noRoom(present: [String]) throws {
        let fixture = try DeliveryFixture()
        for part in present { try Files.makeDirectories("\(fixture.root)/vmail/box/\(part)") }
        guard case .failed(_, errno: let code) = try deliver(to: "box", in: FullDisk(), fixture) else {
            Issue.record("it was delivered")
            return
        }
        #expect(code == Int(ENOSPC))
    }

    @Test("one that lacks a directory gets it", arguments: [[], ["tmp"], ["tmp", "new"]])
    func complete(present: [String]) throws {
        let fixture = try DeliveryFixture()
        for part in present { try Files.makeDirectories("\(fixture.root)/vmail/box/\(part)") }
        guard case .delivered = try deliver(to: "box", in: POSIXMailboxFiles(), fixture) else {
            Issue.record("it was not delivered")
            return
        }
        #expect(Files.status("\(fixture.root)/vmail/box/new") != nil)
    }
}
