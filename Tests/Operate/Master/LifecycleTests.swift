import Administration
import Configuration
import Glibc
import MailSystem
import Testing

@testable import Master

/// Starts the real program on a queue of its own.
@Suite(.serialized) struct LifecycleTests {
    private let root = "/tmp/apus-master-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    private var program: String? {
        guard let own = Files.ownExecutable, let slash = own.lastIndex(of: "/") else { return nil }
        let path = "\(own[..<slash])/apus"
        return Files.isExecutable(path) ? path : nil
    }

    private func configure(_ master: String = "smtp unix - - n - - smtp\n") throws {
        let user = try Users.lookup(uid: geteuid())?.name ?? ""
        let owner = Privileges.isRoot ? "daemon" : user
        let group = try Users.groupName(gid: Privileges.isRoot ? 1 : getegid()) ?? ""
        try Files.makeDirectories("\(root)/conf")
        if Privileges.isRoot { chmod(root, 0o755) }
        let text = """
            compatibility_level = 3.6
            queue_directory = \(root)/queue
            data_directory = \(root)/data
            mail_owner = \(owner)
            setgid_group = \(group)
            maillog_file = \(root)/log
            maillog_file_prefixes = /tmp
            myhostname = mail.example.com

            """
        try Files.writeAtomically(Array(text.utf8), to: "\(root)/conf/main.cf")
        try Files.writeAtomically(Array(master.utf8), to: "\(root)/conf/master.cf")
    }

    @discardableResult
    private func postfix(_ arguments: String...) throws -> ProcessStatus? {
        let program = try #require(program)
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let spawn = Spawn(
            executable: program, arguments: ["postfix", "-c", "\(root)/conf"] + arguments,
            environment: ["PATH=/usr/bin:/bin"], descriptors: [0: null, 1: null, 2: null])
        return ProcessStatus.wait(for: try spawn.start())
    }

    private var log: String { (try? Files.readText("\(root)/log")) ?? "" }

    private func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0..<2400 {
            if condition() { return true }
            usleep(50_000)
        }
        return false
    }

    @Test func startsOnceReloadsGoodFilesOnlyAndStops() throws {
        try configure()
        defer { _ = try? postfix("abort") }
        #expect(try postfix("status") == .exited(1))
        #expect(try postfix("start") == .exited(0))
        #expect(log.contains("postfix/postfix-script["))
        // On a busy machine `start` gives up waiting before the server says so.
        #expect(eventually { log.contains("daemon started -- version ") })
        #expect(try postfix("status") == .exited(0))
        #expect(try postfix("start") == .exited(1))
        #expect(log.contains("fatal: the Postfix mail system is already running"))
        #expect(Files.status("\(root)/queue/private/smtp")?.permissions == 0o666)
        #expect(Files.status("\(root)/queue/maildrop")?.permissions == 0o1730)
        #expect(try Files.readText("\(root)/queue/pid/master.pid").utf8.count == 33)

        try Files.writeAtomically(Array("smtp unix - -\n".utf8), to: "\(root)/conf/master.cf")
        #expect(try postfix("reload") == .exited(1))
        #expect(try postfix("status") == .exited(0))
        let two = "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n"
        try Files.writeAtomically(Array(two.utf8), to: "\(root)/conf/master.cf")
        #expect(try postfix("reload") == .exited(0))
        #expect(eventually { Files.exists("\(root)/queue/private/relay") })
        #expect(eventually { log.contains("reload -- version ") })

        #expect(try postfix("stop") == .exited(0))
        #expect(try postfix("status") == .exited(1))
        #expect(eventually { log.contains("terminating on signal 15") })
    }

    @Test func lockKeepsOutAMasterOnTheSameQueue() throws {
        try configure()
        try QueueTree(try Parameters.load(directory: "\(root)/conf")).makeMissing()
        let owner = try #require(try Users.lookup(uid: geteuid()))
        let locks = try MasterLocks.take(
            queueDirectory: "\(root)/queue", dataDirectory: "\(root)/data", owner: owner)
        #expect(RunningMaster.pid(queueDirectory: "\(root)/queue") == getpid())
        #expect(throws: SystemError.self) {
            try MasterLocks.take(queueDirectory: "\(root)/queue", dataDirectory: "\(root)/data", owner: owner)
        }
        Descriptors.close(locks.queueLock)
        Descriptors.close(locks.dataLock)
        // A child that another test starts in this moment has the descriptors until it executes its program.
        #expect(eventually { RunningMaster.pid(queueDirectory: "\(root)/queue") == nil })
    }
}
