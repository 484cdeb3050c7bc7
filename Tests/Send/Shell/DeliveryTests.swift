import Configuration
import DNS
import Glibc
import InternalProtocol
import Lookup
import MailSyntax
import MailSystem
import NIOCore
import NIOPosix
import Runtime
import Spool
import TLS
import TestSupport
import Testing

@testable import Send

/// The agent as a whole against servers on the loopback interface, with the queue file in memory.
@Suite struct DeliveryTests {
    let group = MultiThreadedEventLoopGroup.singleton
    let store = MemoryFileStore(directories: ["active"])
    let sink = MemoryLogSink()
    let resolver = FakeResolver()
    static let id = "4F00BA4"

    private func agent(_ change: (inout ClientSettings) -> Void = { _ in }, tls: TLSContext? = nil) -> SMTPAgent {
        var settings = ClientSettings()
        settings.myHostname = "me.test"
        settings.heloName = "me.test"
        settings.timeouts.helo = 300
        settings.cacheTimeLimit = 300
        settings.randomizes = false
        change(&settings)
        let log = MailLog(tag: "postfix/smtp", sink: sink)
        let lookup = HostLookup(
            resolver: resolver, hosts: HostsFile(path: "/nonexistent"), families: .init(ipv4: true, ipv6: false))
        return SMTPAgent(
            service: "smtp", settings: settings, servers: ServerList(settings: settings, lookup: lookup, own: []),
            connector: Connector(settings: settings, tls: tls, log: log, clock: SystemClock(), group: group),
            cachedDestinations: DomainList(
                "", name: "smtp_connection_cache_destinations",
                opener: TableOpener(settings: TableSettings(parameters: Parameters(values: [:])), log: log)),
            queue: QueueDirectory(store: store), pool: BlockingPool(maximumThreads: 4), log: log, clock: SystemClock())
    }

    /// Writes a queue file and the request for it.
    private func request(_ nexthop: String, recipients: [String] = ["a@x.test"], lines: Int = 3) -> DeliveryRequest {
        var bytes: [UInt8] = []
        var list: [DeliveryRecipient] = []
        for address in recipients {
            list.append(DeliveryRecipient(offset: bytes.count, address: address))
            bytes += RecordCodec.encode(.recipient, address.utf8)
        }
        bytes += RecordCodec.encode(.message, "".utf8)
        let start = bytes.count
        for number in 0..<lines { bytes += RecordCodec.encode(.line, ".line \(number)".utf8) }
        let length = bytes.count - start
        bytes += RecordCodec.encode(.extracted, "".utf8) + RecordCodec.encode(.end, "".utf8)
        store.put("active/\(Self.id)", bytes)
        var request = DeliveryRequest(
            service: "smtp", nexthop: nexthop, queueID: Self.id, sender: "s@x.test", recipients: list)
        request.dataOffset = start
        request.contentLength = length
        let now = SystemClock().now()
        request.arrivalSeconds = now.seconds
        request.activeSeconds = now.seconds
        return request
    }

    private func recordTypes(_ request: DeliveryRequest) -> String {
        let bytes = store.contents("active/\(Self.id)") ?? []
        return String(decoding: request.recipients.map { bytes[$0.offset] }, as: UTF8.self)
    }

    @Test(arguments: [true, false])
    func aServerThatNeverEndsItsReplyIsLeft(oneLine: Bool) async throws {
        let reply =
            oneLine
            ? "250 " + String(repeating: "x", count: 3 << 20)
            : String(repeating: "250-line\r\n", count: 300_000) + "250 ok"
        let server = try await ScriptedServer.start(group, .init(replies: ["EHLO": [reply]]))
        let report = await agent().deliver(request("[127.0.0.1]:\(server.port)"))
        #expect(report.results.map(\.outcome) == [.deferred])
        #expect(report.results.map(\.status) == ["4.4.2"])
        #expect(sink.contains("warning: ") && sink.contains("longer than 2048"))
        #expect(server.commands == ["EHLO me.test"])
        await server.stop()
    }

    @Test func deliversMarksAndLogs() async throws {
        let server = try await ScriptedServer.start(
            group, .init(replies: ["RCPT": ["250 ok", "550 5.1.1 no"], "DOT": ["250 2.0.0 queued as 7"]]))
        let request = request("[127.0.0.1]:\(server.port)", recipients: ["a@x.test", "b@x.test"])
        let report = await agent().deliver(request)
        #expect(report.results.map(\.outcome) == [.bounced, .delivered])
        #expect(recordTypes(request) == "DR")
        #expect(server.tail == "..line 0\r\n..line 1\r\n..line 2\r\n")
        let relay = "127.0.0.1[127.0.0.1]:\(server.port)"
        #expect(sink.contains("postfix/smtp: \(Self.id): to=<a@x.test>, relay=\(relay), delay="))
        #expect(sink.contains("dsn=2.0.0, status=sent (250 2.0.0 queued as 7)"))
        #expect(
            sink.contains(
                "dsn=5.1.1, status=bounced (host 127.0.0.1[127.0.0.1] said: 550 5.1.1 no (in reply to RCPT TO command))"
            ))
        await server.stop()
    }

    @Test func aConnectionIsUsedAgain() async throws {
        let server = try await ScriptedServer.start(group)
        let agent = agent()
        for _ in 0..<3 {
            var request = request("[127.0.0.1]:\(server.port)")
            request.flags = .connectionReuse
            #expect(await agent.deliver(request).results.map(\.outcome) == [.delivered])
        }
        agent.close()
        #expect(server.connections == 1)
        #expect(sink.contains("conn_use=3"))
        #expect(server.commands.filter { $0 == "RSET" }.count == 2)
        await server.stop()
    }

    @Test func aCachedConnectionIsTriedOnce() async throws {
        let server = try await ScriptedServer.start(group, .init(replies: ["MAIL": ["250 ok", "451 4.3.0 busy"]]))
        let agent = agent()
        var outcomes: [DeliveryOutcome] = []
        for _ in 0..<2 {
            var request = request("[127.0.0.1]:\(server.port)")
            request.flags = .connectionReuse
            outcomes += await agent.deliver(request).results.map(\.outcome)
        }
        agent.close()
        #expect(outcomes == [.delivered, .deferred])
        #expect(server.commands.filter { $0.hasPrefix("MAIL") }.count == 3)
        await server.stop()
    }

    @Test func aCachedConnectionThatDiedIsReplaced() async throws {
        let server = try await ScriptedServer.start(group, .init(replies: ["RSET": ["CLOSE"]]))
        let agent = agent()
        for _ in 0..<2 {
            var request = request("[127.0.0.1]:\(server.port)")
            request.flags = .connectionReuse
            #expect(await agent.deliver(request).results.map(\.outcome) == [.delivered])
        }
        #expect(server.connections == 2)
        await server.stop()
    }

    @Test func theNextServerGetsWhatTheFirstOnePutOff() async throws {
        let busy = try await ScriptedServer.start(group, .init(replies: ["RCPT": ["450 4.2.1 busy"]]))
        let idle = try await ScriptedServer.start(group)
        let hops = "[127.0.0.1]:\(busy.port),[127.0.0.1]:\(idle.port)"
        let report = await agent().deliver(request(hops))
        #expect(report.results.map(\.outcome) == [.delivered])
        #expect(
            sink.contains(
                "\(Self.id): host 127.0.0.1[127.0.0.1] said: 450 4.2.1 busy (in reply to RCPT TO command)"))
        await busy.stop()
        await idle.stop()
    }

    @Test func whereNobodyListensTheDestinationFails() async throws {
        // Not the port of a server that was stopped: another test may get it at once.
        let port = 1
        let report = await agent().deliver(request("[127.0.0.1]:\(port)"))
        let reason = "connect to 127.0.0.1[127.0.0.1]:\(port): Connection refused"
        #expect(report.destinationFailure == DestinationFailure(status: "4.4.1", reason: reason))
        #expect(report.results.map(\.outcome) == [.deferred])
        #expect(sink.contains("postfix/smtp: \(reason)"))
        #expect(sink.contains("relay=none"))
    }

    @Test func aLargeMessageArrivesWhole() async throws {
        let server = try await ScriptedServer.start(group)
        let lines = 30_000
        let request = request("[127.0.0.1]:\(server.port)", lines: lines)
        #expect(await agent().deliver(request).results.map(\.outcome) == [.delivered])
        // CRLF in place of two bytes of record header; a doubled dot in each line.
        #expect(server.bodySizes == [request.contentLength + lines])
        await server.stop()
    }

    /// The queue manager sets a file aside that is marked so; unmarked, it would come again until it is too old.
    @Test(arguments: [3, 30_000]) func aDamagedFileIsMarked(lines: Int) async throws {
        let server = try await ScriptedServer.start(group)
        let request = request("[127.0.0.1]:\(server.port)", lines: lines)
        var bytes = try #require(store.contents("active/\(Self.id)"))
        // In place of the record behind the content.
        bytes[request.dataOffset + request.contentLength] = 0
        store.put("active/\(Self.id)", bytes)
        #expect(await agent().deliver(request).results.map(\.outcome) == [.deferred])
        #expect(try store.status("active/\(Self.id)").isMarkedCorrupt)
        #expect(recordTypes(request) == "R")
        await server.stop()
    }

    @Test func aFileThatCannotBeReadNowIsNotTakenForDamaged() async throws {
        let server = try await ScriptedServer.start(group)
        let request = request("[127.0.0.1]:\(server.port)")
        store.setFault { operation, _ in operation == "read" ? EIO : nil }
        #expect(await agent().deliver(request).results.map(\.outcome) == [.deferred])
        store.setFault(nil)
        #expect(try store.status("active/\(Self.id)").isReadyQueueFile)
        await server.stop()
    }

    @Test func lmtpRepliesForEachRecipient() async throws {
        let server = try await ScriptedServer.start(
            group,
            .init(
                replies: ["LHLO": ["250-x\r\n250 PIPELINING"], "DOT": ["250 2.1.5 saved", "452 4.2.2 quota"]],
                repliesPerMessage: 2))
        let request = request("inet:127.0.0.1:\(server.port)", recipients: ["a@x.test", "b@x.test"])
        let report = await agent({ $0.mode = .lmtp }).deliver(request)
        #expect(report.results.map(\.outcome) == [.delivered, .deferred])
        #expect(recordTypes(request) == "DR")
        await server.stop()
    }

    @Test func contentGoesOverTLS() async throws {
        let file = "/tmp/apus-send-\(getpid()).pem"
        let command =
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=srv.test -keyout \(file) -out \(file).c "
            + "2>/dev/null && cat \(file).c >> \(file) && rm \(file).c"
        try #require(system(command) == 0)
        var settings = TLSSettings(role: .server)
        settings.chainFiles = [file]
        let server = try await ScriptedServer.start(
            group,
            .init(replies: ["EHLO": ["250-srv.test\r\n250-PIPELINING\r\n250 STARTTLS"]], tls: try TLSContext(settings)))
        unlink(file)
        let agent = agent(
            {
                $0.tlsLevel = .encrypt
                $0.tlsLogLevel = 1
            }, tls: try TLSContext(TLSSettings(role: .client)))
        let report = await agent.deliver(request("[127.0.0.1]:\(server.port)", lines: 20_000))
        #expect(report.results.map(\.outcome) == [.delivered])
        #expect(
            sink.contains(
                "Untrusted TLS connection established to 127.0.0.1[127.0.0.1]:\(server.port): TLSv1.3 with cipher"))
        #expect(server.commands.filter { $0.hasPrefix("EHLO") }.count == 2)
        await server.stop()
    }

    @Test(arguments: ["GREET", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
    func aServerThatHangsUpLosesNothing(verb: String) async throws {
        let server = try await ScriptedServer.start(group, .init(replies: [verb: ["CLOSE"]]))
        let request = request("[127.0.0.1]:\(server.port)")
        let report = await agent().deliver(request)
        #expect(report.results.map(\.outcome) == [.deferred])
        #expect(report.results.first?.status == "4.4.2")
        #expect((report.destinationFailure != nil) == ["GREET", "EHLO"].contains(verb))
        #expect(recordTypes(request) == "R")
        await server.stop()
    }

    @Test func aProbeDeliversNothing() async throws {
        let server = try await ScriptedServer.start(group, .init(replies: ["RCPT": ["250 2.1.5 ok", "550 5.1.1 no"]]))
        var request = request("[127.0.0.1]:\(server.port)", recipients: ["a@x.test", "b@x.test"])
        request.flags = .verifyForUser
        let report = await agent().deliver(request)
        #expect(Set(report.results.map(\.action)) == ["deliverable", "undeliverable"])
        #expect(!server.commands.contains("DATA") && recordTypes(request) == "RR")
        await server.stop()
    }
}
