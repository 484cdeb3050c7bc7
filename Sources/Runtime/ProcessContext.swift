import Configuration
import InternalProtocol
import MailSystem
import NIOCore
import NIOPosix

/// A master.cf line that a process hosts.
public struct HostedService: Sendable {
    public let service: MasterService
    /// main.cf with the overrides of the line.
    public let parameters: Parameters
    public let listeners: [HostedListener]

    public init(service: MasterService, parameters: Parameters, listeners: [HostedListener] = []) {
        self.service = service
        self.parameters = parameters
        self.listeners = listeners
    }

    /// Log lines of this service: `syslog_name` of its own and the program's name.
    public func log(_ sink: any LogSink) -> MailLog {
        MailLog(syslogName: parameters["syslog_name"], program: service.program, sink: sink)
    }
}

/// A socket that master opened for a service.
public struct HostedListener: Sendable, Equatable {
    /// Listens already, non-blocking. Whoever serves it owns it.
    public let descriptor: CInt
    /// `127.0.0.1:25`, `[::1]:25`, `private/smtp`.
    public let address: String

    public init(descriptor: CInt, address: String) {
        self.descriptor = descriptor
        self.address = address
    }
}

/// What a daemon process is given. The working directory is the queue directory (also inside a chroot): paths of the
/// queue are relative.
public struct ProcessContext: Sendable {
    public var parameters: Parameters
    public var masterConfiguration: MasterConfiguration
    public var services: [HostedService]
    /// Listener of `InternalEndpoint.queue`; only the process that hosts the queue manager has it.
    public var queueListener: CInt?
    public var group: any EventLoopGroup
    public var pool: BlockingPool
    public var logSink: any LogSink
    public var clock: any MailClock
    public var machine: Machine
    public var control: ProcessControl
    /// queue_directory as configured; unreachable by this name in a chroot.
    public var queueDirectory: String
    public var isChrooted: Bool
    /// Counts up with each reload or change of a table.
    public var generation: Int
    /// For processes with TLS servers.
    public var ticketSecret: TicketSecret?

    public init(
        parameters: Parameters, masterConfiguration: MasterConfiguration, services: [HostedService],
        queueListener: CInt? = nil, group: any EventLoopGroup, pool: BlockingPool, logSink: any LogSink,
        clock: any MailClock = SystemClock(), machine: Machine = .real,
        control: ProcessControl = ProcessControl(socket: -1),
        queueDirectory: String, isChrooted: Bool = false, generation: Int = 0, ticketSecret: TicketSecret? = nil
    ) {
        self.parameters = parameters
        self.masterConfiguration = masterConfiguration
        self.services = services
        self.queueListener = queueListener
        self.group = group
        self.pool = pool
        self.logSink = logSink
        self.clock = clock
        self.machine = machine
        self.control = control
        self.queueDirectory = queueDirectory
        self.isChrooted = isChrooted
        self.generation = generation
        self.ticketSecret = ticketSecret
    }

    /// The hosted services of a program: `services(of: "smtpd")`.
    public func services(of program: String) -> [HostedService] { services.filter { $0.service.program == program } }

    /// The file store of the queue.
    public var store: any FileStore { machine.store }

    /// Log lines of a program with the main.cf `syslog_name`.
    public func log(_ program: String) -> MailLog {
        MailLog(syslogName: parameters["syslog_name"], program: program, sink: logSink)
    }
}

/// A daemon: `receive`, `queue`, `send`, `deliver`.
public protocol DaemonProcess: Sendable {
    /// `receive`
    static var name: String { get }
    /// Starts other programs: no_new_privs would take their set-uid bits.
    static var startsPrograms: Bool { get }
    /// What the kernel is asked to refuse to it.
    static var confinement: Confinement { get }
    /// Event loop threads.
    static var eventLoops: Int { get }
    /// Opens tables, reads keys: still with all privileges and outside the chroot.
    init(context: ProcessContext) async throws
    /// Serves: the process has its final identity and root directory.
    func start() async throws
    /// A successor has taken over: stop accepting, finish what is under way, return.
    func drain() async
    /// The mail system stops: end within seconds. What is not finished stays on disk.
    func stop() async
}

extension DaemonProcess {
    public static var startsPrograms: Bool { false }
    public static var eventLoops: Int { System.coreCount }
    public func stop() async { await drain() }
}
