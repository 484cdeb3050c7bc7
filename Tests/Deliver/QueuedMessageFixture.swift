import Configuration
import Glibc
import InternalProtocol
import MailSystem
import Runtime
import Spool
import TestSupport
import Testing

@testable import Deliver

/// A queue directory with messages, and agents that deliver from it, as whoever runs the tests.
final class DeliveryFixture {
    let root: String
    let sink = MemoryLogSink()
    private let directory: QueueDirectory
    private let pool = BlockingPool()

    init() throws {
        setenv("TZ", "UTC", 1)
        // As in every daemon: commands may end before they have read everything.
        Privileges.ignoreBrokenPipes()
        root = "/tmp/apus-deliver-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        for name in ["active", "vmail", "out"] { try Files.makeDirectories("\(root)/\(name)") }
        for name in ["", "/vmail", "/out"] { chmod(root + name, 0o777) }
        directory = QueueDirectory(store: POSIXFileStore(root: root))
    }

    deinit {
        let spawn = Spawn(executable: "/bin/rm", arguments: ["rm", "-rf", root])
        if let pid = try? spawn.start() { _ = ProcessStatus.wait(for: pid) }
    }

    static let text = "From: a@example.org\nSubject: x\n\nFrom here\n.dot\nend\n"

    /// A request for a message that stands in `active`.
    func message(
        _ recipients: [String], service: String, sender: String = "s@example.org", nexthop: String = "next.example",
        text: String = DeliveryFixture.text
    ) throws -> DeliveryRequest {
        let writer = try QueueFileWriter.create(in: directory, queue: "active", time: SystemClock().now())
        writer.append(.size, SizeRecord().payload)
        writer.append(.time, "1795428000 0")
        writer.append(.sender, sender)
        var list: [DeliveryRecipient] = []
        for address in recipients {
            writer.append(.originalRecipient, address)
            list.append(
                DeliveryRecipient(
                    offset: writer.append(.recipient, address), address: address, originalAddress: address))
        }
        writer.append(.message)
        let dataOffset = writer.offset
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            writer.append(.line, String(line))
        }
        let length = writer.offset - dataOffset
        writer.append(.extracted)
        writer.append(.end)
        try writer.commit(size: nil)
        // A child that another test is just starting has the writer's descriptor, and its lock, until it executes.
        let written = open("\(root)/\(directory.path(queue: "active", id: writer.id))", O_RDONLY | O_CLOEXEC)
        while flock(written, LOCK_SH) != 0, errno == EINTR {}
        close(written)
        var request = DeliveryRequest(
            service: service, nexthop: nexthop, queueID: writer.id.text, sender: sender, recipients: list)
        request.dataOffset = dataOffset
        request.contentLength = length
        return request
    }

    /// Type bytes of the recipient records now.
    func marks(_ request: DeliveryRequest) throws -> String {
        let id = try #require(QueueID(request.queueID))
        let file = try directory.open(queue: "active", id: id)
        return try request.recipients
            .map { String(decoding: try file.read(at: $0.offset, count: 1), as: UTF8.self) }.joined()
    }

    func context(_ masterLine: String, _ values: [String: String] = [:]) throws -> AgentContext {
        let parameters = Parameters(values: ["recipient_delimiter": "+"].merging(values) { $1 })
        let master = try MasterConfiguration(Array(masterLine.utf8), parameters: parameters)
        let service = try #require(master.services.first)
        let log = MailLog(syslogName: "postfix", program: service.program, sink: sink)
        return AgentContext(
            parameters: service.parameters(parameters), service: service, log: log, clock: SystemClock(), pool: pool,
            queue: QueueAccess(directory: directory),
            workers: WorkerPool(pool: pool, log: log, executable: Self.program))
    }

    /// The multi-call program beside the tests.
    static var program: String? {
        guard let own = Files.ownExecutable, let slash = own.lastIndex(of: "/") else { return nil }
        let path = "\(own[..<slash])/apus"
        return Files.isExecutable(path) ? path : nil
    }

    /// A user that is neither root nor the mail owner.
    static var user: String { Privileges.isRoot ? "nobody" : ((try? Users.lookup(uid: geteuid())) ?? nil)?.name ?? "" }

    func read(_ path: String) throws -> String { try Files.readText("\(root)/\(path)") }

    /// A program that writes its arguments and input to `out/NAME`.
    func recorder(_ name: String) throws -> String {
        let path = "\(root)/\(name)"
        let script = """
            #!/bin/sh
            { printf '%s\\n' "$(basename "$0")"; for a in "$@"; do printf '[%s]\\n' "$a"; done; echo --; cat; } > \(root)/out/\(name)

            """
        // Written by another process: while this one had the file open, a child that a test beside forks would have it
        // open too, and the kernel runs no program that is open for writing.
        let write = "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\""
        let spawn = Spawn(executable: "/bin/sh", arguments: ["sh", "-c", write, "sh", script, path])
        _ = ProcessStatus.wait(for: try spawn.start())
        return path
    }
}
