import Configuration
import DNS
import Glibc
import InternalProtocol
import Lookup
import MailSyntax
import MailSystem
import NIOPosix
import Runtime
import Submission

/// `smtpd -S`, which `sendmail -bs` starts: one SMTP session over standard input and output, with the rights of the user
/// who runs it. Messages go through postdrop and nothing is refused; only mail_owner gets the server's access controls
/// and writes into the queue itself (sendmail(1), smtpd(8)).
public enum StandAloneServer {
    public static func main(_ arguments: [String]) -> Int32 {
        Privileges.ignoreBrokenPipes()
        return CommandRunner.run("smtpd") {
            guard arguments.contains("-S") else {
                throw CommandFailure("this program is started by the mail system, or by \"sendmail -bs\"")
            }
            let context = try CommandContext(program: "smtpd", directory: nil)
            let log = CommandLog.make(program: "smtpd", parameters: context.parameters, standardError: false)
            return CommandRunner.run("smtpd", log: log) {
                try context.enterQueueDirectory()
                let service = try service(context, log)
                let done = Semaphore()
                // The priority of the main thread would need rights that users do not have.
                Task(priority: .medium) {
                    await serve(service)
                    done.signal()
                }
                done.wait()
                return ExitStatus.ok
            }
        }
    }

    /// What makes no sense between a user and a pipe.
    private static let overrides: [(name: String, value: String)] = [
        ("smtpd_tls_security_level", "none"), ("smtpd_use_tls", "no"), ("smtpd_enforce_tls", "no"),
        ("smtpd_tls_wrappermode", "no"), ("smtpd_sasl_auth_enable", "no"),
        ("smtpd_client_connection_count_limit", "0"), ("smtpd_client_connection_rate_limit", "0"),
        ("smtpd_client_message_rate_limit", "0"), ("smtpd_client_recipient_rate_limit", "0"),
        ("smtpd_client_auth_rate_limit", "0"), ("smtpd_client_new_tls_session_rate_limit", "0"),
        ("smtpd_forbid_bare_newline", "no"),
    ]

    private static func service(_ context: CommandContext, _ log: MailLog) throws -> ServerService {
        let parameters = context.parameters.with(overrides: overrides, service: "smtpd", processName: "smtpd")
        let owner = try? Users.lookup(name: parameters["mail_owner"])
        if let owner, owner.uid == getuid() { return try ownersService(parameters, log) }
        var environment = ServerEnvironment(
            checker: Unrestricted(), intake: SubmissionIntake(context: context), log: log, clock: SystemClock(),
            limits: Unlimited())
        environment.flush = refuseTurn(log)
        return ServerService(
            settings: ServerSettings(parameters, service: "smtpd"), environment: environment, tls: nil, names: nil,
            sessionLimit: 1)
    }

    private static func refuseTurn(_ log: MailLog) -> @Sendable (String) async -> FlushReply {
        return { _ in
            log.warning("do not use ETRN in \"sendmail -bs\" mode")
            return .failed
        }
    }

    /// The server as master.cf would run it, but for its client.
    private static func ownersService(_ parameters: Parameters, _ log: MailLog) throws -> ServerService {
        let line = try MasterConfiguration(
            Array("smtpd pass - - n - 1 smtpd".utf8), file: "smtpd -S", parameters: parameters)
        guard let service = line.services.first else { throw CommandFailure("no service") }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let context = ProcessContext(
            parameters: parameters, masterConfiguration: line, services: [], group: group, pool: BlockingPool(),
            logSink: CommandLog.mailLogSink(parameters), queueDirectory: parameters["queue_directory"])
        let queue = InternalConnection(path: InternalEndpoint.queue, eventLoop: group.next())
        let assembly = ServiceAssembly(
            context: context, resolver: try UnboundResolver(), hosts: .ofSystem(),
            sasl: SASLServiceFactory(group: group, pool: context.pool, machine: context.machine), limits: Unlimited(),
            queue: queue, freeSpace: FreeSpace(store: context.store, pool: context.pool, clock: context.clock),
            flow: FlowGate(queue: queue, clock: context.clock))
        let opener = TableOpener(parameters: parameters, log: log)
        let made = try assembly.make(HostedService(service: service, parameters: parameters), opener: opener)
        var environment = made.environment
        environment.flush = refuseTurn(log)
        return ServerService(
            settings: made.settings, environment: environment, tls: nil, names: nil, sessionLimit: 1)
    }

    private static func serve(_ service: ServerService) async {
        let client = ClientIdentity(
            name: "localhost", nameStatus: .ok, reverseName: "localhost", reverseStatus: .ok, address: "127.0.0.1",
            ip: IPAddress("127.0.0.1"), port: "0")
        let session = SMTPSession(
            facts: SessionFacts(client: client, serverAddress: "127.0.0.1", serverPort: "0"),
            settings: service.settings, environment: service.environment)
        var dialogue = StandAloneDialogue(
            session, settings: service.settings, reading: STDIN_FILENO, writing: STDOUT_FILENO)
        await dialogue.run()
    }
}

/// No access control.
struct Unrestricted: RestrictionChecker {
    func check(
        _ stage: RestrictionStage, _ facts: SessionFacts, _ memory: inout RestrictionMemory
    ) async -> RestrictionVerdict { .accept }

    func headerRewriting(_ facts: SessionFacts) async -> HeaderRewriting { .local }
}

/// Nothing is counted.
struct Unlimited: ClientLimits {
    func connect(service: String, address: String) async -> (count: Int, rate: Int)? { nil }
    func disconnect(service: String, address: String) {}
    func message(service: String, address: String) async -> Int? { nil }
    func recipient(service: String, address: String) async -> Int? { nil }
    func newTLS(service: String, address: String) async -> Int? { nil }
    func auth(service: String, address: String) async -> Int? { nil }
    func newTLSRate(service: String, address: String) async -> Int? { nil }
}
