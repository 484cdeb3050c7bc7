import Configuration
import Lookup
import MailSyntax
import MailSystem
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Receive

/// A server on a loopback port, with messages in memory.
final class TestServer {
    let intake = TestIntake()
    let log = MemoryLogSink()
    let port: Int
    private let listener: ServiceListener
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// - Parameters:
    ///   - sessionLimit: clients at a time; 0: any number.
    ///   - beforeAccepting: called with the port while clients can only wait in the socket's backlog.
    init(
        _ values: [String: String] = [:], sessionLimit: Int = 0, beforeAccepting: (Int) throws -> Void = { _ in }
    ) async throws {
        var all = [
            "myhostname": "mail.example.com", "smtpd_peername_lookup": "no", "compatibility_level": "3.6",
            "mynetworks": "127.0.0.2/32", "smtpd_banner": "$myhostname ESMTP $mail_name",
            "smtpd_tls_security_level": "none",
        ]
        all.merge(values) { $1 }
        let parameters = Parameters(values: all)
        let log = MailLog(tag: "postfix/smtpd", sink: log)
        let opener = TableOpener(parameters: parameters, log: log)
        let forbidden = StringList(
            parameters["smtpd_forbidden_commands"], name: "smtpd_forbidden_commands", opener: opener)
        var environment = ServerEnvironment(
            checker: TestChecker(), intake: intake, log: log, clock: SystemClock(), limits: Unlimited())
        environment.isForbidden = { (try? await forbidden.matches($0)) ?? false }
        func hosts(_ name: String) -> ClientPredicate {
            let list = NetworkList(parameters[name], name: name, opener: opener)
            return { client in try? await list.matches(name: client.name, address: client.address) }
        }
        environment.mayUseVERP = hosts("smtpd_authorized_verp_clients")
        let filters = Maps(parameters["smtpd_command_filter"], opener: opener)
        if !filters.isEmpty { environment.commandFilter = { line in try? await .some(filters.find(line)) } }
        environment.mayUseXClient = hosts("smtpd_authorized_xclient_hosts")
        environment.mayUseXForward = hosts("smtpd_authorized_xforward_hosts")
        environment.flush = { $0 == "example.com" ? .done : .unknownSite }
        let service = ServerService(
            settings: ServerSettings(parameters, service: "smtp"), environment: environment, tls: nil, names: nil,
            sessionLimit: sessionLimit)
        listener = ServiceListener(service: service, executors: [:]) {}
        let address = try #require(IPAddress("127.0.0.1"))
        let descriptor = try Listeners.tcp(address: address, port: 0)
        port = try LoopbackClient.localPort(descriptor)
        try beforeAccepting(port)
        try await listener.listen(descriptor: descriptor, group: Self.group)
    }

    func close() async {
        await listener.close()
        await listener.sessionsEnded()
    }
}
