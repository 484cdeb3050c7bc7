import Glibc
import MailSyntax
import MailSystem
import Testing

@testable import DNS

/// The resolver against a real name server, Debian's unbound with zones of our own.
@Suite(.enabled(if: access("/usr/sbin/unbound", X_OK) == 0), .serialized)
final class UnboundResolverTests {
    private let directory = "/tmp/apus-unbound-\(getpid())"
    private var port = 0
    private var process: pid_t = 0

    init() throws {
        mkdir(directory, 0o755)
        for _ in 0..<20 {
            // Below the ports that the kernel hands out: one of those can be taken, or connect to itself.
            port = Int.random(in: 20000..<32768)
            try start()
            if serves() { return }
            stop()
        }
        Issue.record("unbound did not start")
    }

    private func start() throws {
        let configuration = """
            server:
              verbosity: 0
              interface: 127.0.0.1
              port: \(port)
              do-daemonize: no
              use-syslog: no
              chroot: ""
              username: ""
              directory: "\(directory)"
              pidfile: "\(directory)/pid"
              local-zone: "." static
              local-zone: "x.test." static
              local-data: "x.test. 60 IN MX 10 mx1.x.test."
              local-data: "x.test. 60 IN MX 20 mx2.x.test."
              local-data: "mx1.x.test. 60 IN A 192.0.2.1"
              local-data: "mx1.x.test. 60 IN AAAA 2001:db8::1"
              local-data: 'x.test. 60 IN TXT "v=spf1" " -all"'
              local-data: "null.x.test. 60 IN MX 0 ."
              local-data: "1.2.0.192.in-addr.arpa. 60 IN PTR mx1.x.test."
              local-zone: "broken.test." always_refuse
            remote-control:
              control-enable: no
            """
        let file = "\(directory)/unbound.conf"
        let stream = fopen(file, "w")
        fputs(configuration, stream)
        fclose(stream)
        var arguments: [UnsafeMutablePointer<CChar>?] = ["unbound", "-c", file].map { (text: String) in strdup(text) }
        arguments.append(nil)
        try #require(posix_spawn(&process, "/usr/sbin/unbound", nil, nil, arguments, environ) == 0)
        for argument in arguments { free(argument) }
    }

    deinit {
        stop()
        _ = system("rm -rf \(directory)")
    }

    private func stop() {
        guard process > 0 else { return }
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        process = 0
    }

    /// Whether the server answers at its port: false as soon as it is gone, for instance because the port is taken.
    private func serves() -> Bool {
        for _ in 0..<2400 {
            if waitpid(process, nil, WNOHANG) != 0 {
                process = 0
                return false
            }
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if result == 0 { return true }
            usleep(50_000)
        }
        return false
    }

    private func resolver(port: Int? = nil, timeout: Int = 120) throws -> UnboundResolver {
        var options = UnboundResolver.Options()
        options.forwarders = ["127.0.0.1@\(port ?? self.port)"]
        options.timeoutSeconds = timeout
        return try UnboundResolver(options)
    }

    private func data(_ answer: DNSAnswer) -> [RecordData] {
        if case .records(let records, _) = answer { records.map(\.data) } else { [] }
    }

    @Test func records() async throws {
        let resolver = try resolver()
        let four = try #require(IPAddress("192.0.2.1"))
        let six = try #require(IPAddress("2001:db8::1"))
        #expect(data(await resolver.query("mx1.x.test", .a)) == [.a(four)])
        #expect(data(await resolver.query("mx1.x.test.", .aaaa)) == [.aaaa(six)])
        let exchangers = data(await resolver.query("x.test", .mx))
        #expect(exchangers.count == 2 && exchangers.contains(.mx(preference: 10, host: "mx1.x.test")))
        #expect(data(await resolver.query("null.x.test", .mx)) == [.mx(preference: 0, host: "")])
        #expect(data(await resolver.query("x.test", .txt)) == [.text("v=spf1 -all")])
        #expect(data(await resolver.query("1.2.0.192.in-addr.arpa", .ptr)) == [.name("mx1.x.test")])
        #expect(await resolver.query("none.x.test", .a) == .noSuchDomain)
        #expect(await resolver.query("mx1.x.test", .mx) == .noData)
        guard case .temporaryFailure = await resolver.query("a.broken.test", .a) else {
            Issue.record("a refusal is a temporary failure")
            return
        }
    }

    @Test func thousandsOfQueriesAtATime() async throws {
        let resolver = try resolver()
        let found = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<5000 {
                group.addTask { await resolver.query("n\(number).x.test", .a) == .noSuchDomain }
            }
            var count = 0
            for await good in group where good { count += 1 }
            return count
        }
        #expect(found == 5000)
    }

    @Test func aDeadServerIsATemporaryFailureInBoundedTime() async throws {
        let start = ContinuousClock.now
        let answer = await (try resolver(port: 1, timeout: 3)).query("x.test", .mx)
        guard case .temporaryFailure = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test func aSilentServerIsGivenUpInTime() async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size)
                getsockname(descriptor, $0, &size)
            }
            return pointer.pointee.sin_port.bigEndian
        }
        let start = ContinuousClock.now
        let answer = await (try resolver(port: Int(port), timeout: 1)).query("x.test", .mx)
        guard case .temporaryFailure = answer else {
            Issue.record("\(answer)")
            return
        }
        let taken = ContinuousClock.now - start
        #expect(taken > .milliseconds(900) && taken < .seconds(3))
    }
}

@Suite struct ResolverConfigurationTests {
    /// As long as Debian's C library tries, by resolver(5).
    @Test(arguments: [
        ("nameserver 192.0.2.1\n", 10), ("", 10),
        ("nameserver 192.0.2.1\nnameserver 192.0.2.2\n", 20),
        ("nameserver 192.0.2.1\noptions timeout:1 attempts:2\n", 2),
        ("nameserver 192.0.2.1\noptions edns0 timeout:99 attempts:1\n", 30),
        ("nameserver 192.0.2.1\noptions timeout:x attempts:0\n", 10),
    ])
    func patience(_ text: String, _ seconds: Int) throws {
        let path = "/tmp/apus-resolv-\(UInt64.random(in: 0...UInt64.max))"
        try Files.writeAtomically(Array(text.utf8), to: path)
        defer { unlink(path) }
        #expect(ResolverConfiguration.patience(of: path) == seconds)
    }
}
