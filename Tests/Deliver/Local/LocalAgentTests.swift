import Glibc
import InternalProtocol
import Lookup
import MailSystem
import Spool
import Synchronization
import Testing

@testable import Deliver

/// Real users and files: only root can deliver to other users.
@Suite(.enabled(if: Privileges.isRoot)) struct LocalAgentTests {
    private final class Submissions: Sendable {
        private let store = Mutex<[ForwardRequest]>([])
        func add(_ request: ForwardRequest) { store.withLock { $0.append(request) } }
        var all: [ForwardRequest] { store.withLock { $0 } }
    }

    private let submissions = Submissions()

    private func agent(_ fixture: DeliveryFixture, _ aliases: String, _ values: [String: String] = [:]) throws
        -> LocalAgent
    {
        try Files.makeDirectories("\(fixture.root)/spool")
        try Files.writeAtomically(Array(aliases.utf8), to: "\(fixture.root)/aliases")
        let context = try fixture.context(
            "local unix - n n - - local",
            [
                "myhostname": "mail.test", "mydestination": "l.test", "myorigin": "l.test", "default_privs": "nobody",
                "alias_maps": "texthash:\(fixture.root)/aliases", "mail_spool_directory": "\(fixture.root)/spool",
            ].merging(values) { $1 })
        var handlers = InternalHandlers()
        let submissions = submissions
        handlers.on(ForwardRequest.self) { request in
            submissions.add(request)
            return ForwardReply.accepted(queueID: "NEW1")
        }
        let loopback = LoopbackConnection(handlers)
        return LocalAgent(
            context, opener: TableOpener(parameters: context.parameters, log: context.log), queue: loopback,
            agents: { _ in loopback })
    }

    private func deliver(
        _ fixture: DeliveryFixture, _ agent: LocalAgent, _ address: String, text: String = DeliveryFixture.text
    ) async throws -> String {
        let request = try fixture.message([address], service: "local", text: text)
        let result = try #require(await agent.deliver(request).results.first)
        #expect(try fixture.marks(request) == (result.outcome == .delivered ? "D" : "R"))
        return "\(result.status) \(result.outcome) \(result.reason)"
    }

    /// Simulation: local(8) looks at the headers first, and deferred a damaged message until it was too old.
    @Test func aDamagedMessageIsMarked() async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(fixture, "")
        let request = try fixture.message(["daemon@l.test"], service: "local")
        let path = "\(fixture.root)/active/\(request.queueID)"
        let descriptor = open(path, O_WRONLY)
        defer { close(descriptor) }
        #expect(pwrite(descriptor, [UInt8](repeating: 0, count: 20), 20, off_t(request.dataOffset)) == 20)
        let result = try #require(await agent.deliver(request).results.first)
        #expect(result.outcome == .deferred)
        #expect(try #require(Files.status(path)).mode & 0o7777 == QueueFileMode.corrupt)
    }

    @Test func spoolMailboxBelongsToTheUser() async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(fixture, "")
        #expect(
            try await deliver(fixture, agent, "Daemon+x@l.test")
                == "2.0.0 delivered delivery via local: delivered to mailbox")
        #expect(
            try await deliver(fixture, agent, "daemon@l.test")
                == "2.0.0 delivered delivery via local: delivered to mailbox")
        let path = "\(fixture.root)/spool/daemon"
        let status = try #require(Files.status(path))
        #expect(status.owner == 1)
        #expect(status.permissions == 0o600)
        let text = try Files.readText(path)
        #expect(text.hasPrefix("From s@example.org  "))
        #expect(text.contains("\nX-Original-To: Daemon+x@l.test\nDelivered-To: Daemon+x@l.test\n"))
        #expect(text.contains("\n>From here\n.dot\nend\n\nFrom s@example.org  "))
        #expect(fixture.sink.contains("relay=local, "))
    }

    @Test(arguments: [
        ("nosuchuser", "5.1.1 bounced unknown user: \"nosuchuser\""),
        ("fail", "5.1.1 bounced user unknown"),
        (
            "echo+foo",
            "5.3.0 bounced Command died with status 1: \"echo $EXTENSION $USER $DOMAIN; exit 1\". Command output: foo echo l.test "
        ),
        ("cat", "2.0.0 delivered delivery via local: delivered to command: /bin/cat"),
        ("loop1", "5.4.6 bounced alias database loop for loop2"),
        (
            "missing",
            "4.3.0 deferred temporary failure. Command output: local: fatal: execvp /no/such: No such file or directory "
        ),
        ("self", "2.0.0 delivered delivery via local: forwarded as NEW1"),
    ])
    func aliases(name: String, expected: String) async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(
            fixture,
            """
            fail "|exit 67"
            echo "|echo $EXTENSION $USER $DOMAIN; exit 1"
            cat "|/bin/cat"
            loop1 loop2
            loop2 loop1
            missing |/no/such
            self x@remote.test, y@remote.test

            """)
        #expect(try await deliver(fixture, agent, "\(name)@l.test") == expected)
    }

    @Test func aliasFileIsWrittenWithDefaultPrivileges() async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(fixture, "archive \(fixture.root)/out/archive, daemon\n")
        _ = try await deliver(fixture, agent, "archive@l.test")
        let status = try #require(Files.status("\(fixture.root)/out/archive"))
        #expect(status.owner == (try Users.lookup(name: "nobody"))?.uid)
        #expect(try fixture.read("out/archive").contains("Delivered-To: archive@l.test\n"))
        #expect(Files.exists("\(fixture.root)/spool/daemon"))
        #expect(fixture.sink.contains("to=<daemon@l.test>, orig_to=<archive@l.test>, relay=local"))
    }

    @Test func listsAreForwardedUnderTheirOwner() async throws {
        let fixture = try DeliveryFixture()
        try Files.writeAtomically(
            Array("# members\na@x.test\nb@x.test, a@x.test\n".utf8), to: "\(fixture.root)/members")
        let agent = try agent(fixture, "list :include:\(fixture.root)/members\nowner-list daemon\n")
        #expect(
            try await deliver(fixture, agent, "list@l.test") == "2.0.0 delivered delivery via local: forwarded as NEW1")
        let sent = try #require(submissions.all.first)
        #expect(sent.sender == "owner-list@l.test")
        #expect(sent.recipients.map(\.address) == ["a@x.test", "b@x.test"])
        #expect(sent.deliveredTo == "list@l.test")
    }

    /// As in Postfix: what is tried again as a whole has not gone out yet, or the member would get it each time.
    @Test func nothingIsForwardedWhileAnotherPartWaits() async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(fixture, "both \"|exit 75\", x@remote.test\nnever \"|exit 69\", y@remote.test\n")
        #expect(try await deliver(fixture, agent, "both@l.test").hasPrefix("4.3.0 deferred temporary failure"))
        #expect(submissions.all.isEmpty)
        // A part that fails for good is reported, and tried no more.
        #expect(try await deliver(fixture, agent, "never@l.test").hasPrefix("5.3.0 bounced service unavailable"))
        #expect(submissions.all.flatMap { $0.recipients.map(\.address) } == ["y@remote.test"])
    }

    /// While it is not known whether an address is a local one, it must not come back to us as a forwarded message: that one
    /// would be returned as a loop.
    @Test func membersWaitForTheResolver() async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(fixture, "member daemon\n", ["transport_maps": "fail:broken"])
        #expect(
            try await deliver(fixture, agent, "member@l.test") == "4.3.0 deferred address resolver failure")
        #expect(submissions.all.isEmpty)
    }

    @Test func loopsEnd() async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(fixture, "")
        let text = "Delivered-To: daemon@l.test\n" + DeliveryFixture.text
        #expect(
            try await deliver(fixture, agent, "daemon@l.test", text: text)
                == "5.4.6 bounced mail forwarding loop for daemon@l.test")
    }

    @Test func mailboxCommandRunsAsTheUser() async throws {
        let fixture = try DeliveryFixture()
        let command = "id -un >\(fixture.root)/out/who; cat >/dev/null"
        let agent = try agent(fixture, "", ["mailbox_command": command])
        #expect(
            try await deliver(fixture, agent, "daemon@l.test")
                == "2.0.0 delivered delivery via local: delivered to command: \(command)")
        #expect(try fixture.read("out/who") == "daemon\n")
    }
}
