import Configuration
import Glibc
import InternalProtocol
import MailSystem
import Runtime

/// A running daemon process, seen from master.
final class ChildProcess {
    enum State { case starting, ready, draining }

    let pid: pid_t
    let key: PlannedProcess.Key
    let generation: Int
    /// Seconds of the monotonic clock.
    let started: Double
    let control: CInt
    /// What the process prints on standard error: the runtime's last words before a trap. -1: it goes elsewhere.
    private(set) var errors: CInt
    var reader: ControlReader
    var state = State.starting
    /// When the next harder signal is due, and which.
    var deadline: (time: Double, signal: CInt)?
    var controlIsClosed = false
    /// An exclusive process that drains has let go: its successor may start.
    var gaveWay = false

    init(pid: pid_t, key: PlannedProcess.Key, generation: Int, started: Double, control: CInt, errors: CInt) {
        self.errors = errors
        self.pid = pid
        self.key = key
        self.generation = generation
        self.started = started
        self.control = control
        reader = ControlReader(socket: control)
        Descriptors.setNonBlocking(control)
        if errors >= 0 { Descriptors.setNonBlocking(errors) }
    }

    deinit {
        Descriptors.close(control)
        Descriptors.close(errors)
    }

    /// The lines printed since the last call; a few at most are kept of a flood.
    func printedLines() -> [String] {
        guard errors >= 0 else { return [] }
        do throws(SystemError) {
            let bytes = try Descriptors.read(errors, count: 4096)
            if bytes.isEmpty {
                Descriptors.close(errors)
                errors = -1
            }
            return bytes.split(separator: UInt8(ascii: "\n")).prefix(8).map { String(decoding: $0, as: UTF8.self) }
        } catch {
            return []
        }
    }

    func order(_ order: ProcessOrder, descriptors: [CInt] = []) {
        ProcessControl.send(order, descriptors: descriptors, over: control)
    }

    func signal(_ number: CInt) { kill(pid, number) }
}

/// Starts daemon processes.
struct ProcessLauncher {
    /// The multi-call program.
    var executable: String
    /// Standard output and error reach the terminal or container log.
    var keepsOutput: Bool
    var verbose: Int

    func start(
        _ process: PlannedProcess, settings: ServerSettings, endpoints: EndpointTable, generation: Int, now: Double,
        ticketSecret: TicketSecret? = nil
    ) throws(SystemError) -> ChildProcess {
        let (ours, theirs) = try Descriptors.socketPair()
        let errors = keepsOutput ? nil : try? Descriptors.pipe()
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer {
            Descriptors.close(theirs)
            Descriptors.close(null)
            Descriptors.close(errors?.writing ?? -1)
        }
        var descriptors: [CInt: CInt] = [0: null, DaemonRuntime.controlDescriptor: theirs]
        descriptors[1] = keepsOutput ? STDOUT_FILENO : null
        descriptors[2] = keepsOutput ? STDERR_FILENO : errors?.writing ?? null
        var next = DaemonRuntime.controlDescriptor + 1
        func pass(_ address: EndpointAddress) -> CInt? {
            guard let listener = endpoints.descriptor(address) else { return nil }
            descriptors[next] = listener
            next += 1
            return next - 1
        }
        var orders: [ServiceOrder] = []
        for index in process.services {
            var order = ServiceOrder(index: index, listeners: [], addresses: [])
            for address in settings.endpoints[index] {
                guard let number = pass(address) else { continue }
                order.listeners.append(number)
                order.addresses.append("\(address)")
            }
            orders.append(order)
        }
        let queueListener = process.key.kind == .queue ? pass(ServerSettings.queueEndpoint) ?? -1 : -1

        var spawn = Spawn(
            executable: executable, arguments: [executable, DaemonRuntime.argument, process.key.kind.rawValue],
            environment: environment(settings.parameters), descriptors: descriptors)
        spawn.workingDirectory = settings.queueDirectory
        spawn.fileMask = 0o077
        let pid: pid_t
        do throws(SystemError) {
            pid = try spawn.start()
        } catch {
            Descriptors.close(ours)
            Descriptors.close(errors?.reading ?? -1)
            throw error
        }
        let order = StartOrder(
            configurationDirectory: settings.parameters.directory, generation: generation, verbose: verbose,
            chroot: process.key.isChrooted ? settings.queueDirectory : "",
            user: process.key.kind.keepsPrivileges ? "" : settings.parameters["mail_owner"],
            masterFile: String(decoding: settings.masterFile, as: UTF8.self), services: orders,
            queueListener: queueListener, ticketSecret: process.key.kind == .receive ? ticketSecret : nil)
        ProcessControl.send(order, over: ours)
        return ChildProcess(
            pid: pid, key: process.key, generation: generation, started: now, control: ours,
            errors: errors?.reading ?? -1)
    }

    /// import_environment: names to keep and `name=value` settings; always a PATH and the configuration directory.
    private func environment(_ parameters: Parameters) -> [String] {
        var variables = ["MAIL_CONFIG": parameters.directory, "PATH": "/usr/bin:/usr/sbin:/bin:/sbin"]
        for entry in parameters.list("import_environment") {
            if let equals = entry.firstIndex(of: "=") {
                variables[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
            } else if entry != "MAIL_CONFIG", let value = ProcessEnvironment.value(entry) {
                variables[entry] = value
            }
        }
        return variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }
}
