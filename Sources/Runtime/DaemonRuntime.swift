import Configuration
import Glibc
import InternalProtocol
import MailSystem
import NIOCore
import NIOPosix

/// The life of a daemon process: order from master, logging, configuration, tables and keys, chroot, identity,
/// service, drain, exit.
public enum DaemonRuntime {
    /// Descriptor of the control socket in every daemon process.
    public static let controlDescriptor: CInt = 3
    /// The hidden first argument that makes the multi-call program a daemon; the process name follows.
    public static let argument = "--daemon-process"
    /// How long `postfix stop` waits for work under way.
    static let stopSeconds: CInt = 5

    /// Runs the process; never returns.
    public static func main<P: DaemonProcess>(_ type: P.Type) -> Never {
        Privileges.ignoreBrokenPipes()
        if !P.startsPrograms {
            Privileges.setNoNewPrivileges()
            // Programs would inherit it.
            Privileges.preferThroughput()
        }
        ProcessMemory.tune()
        raiseDescriptorLimit()
        do {
            // Signals are blocked before the first thread exists.
            let signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP])
            var control = ControlReader(socket: controlDescriptor)
            guard let order = startOrder(&control) else { _exit(0) }
            try serve(type, order: order, control: control, signals: signals)
        } catch {
            fatal("\(P.name)", "\(error)", sink: nil)
        }
    }

    private static func startOrder(_ control: inout ControlReader) -> StartOrder? {
        while true {
            switch control.next() {
            case .frame(let frame, _):
                if let order = ProcessControl.decode(StartOrder.self, frame) { return order }
            case .nothing: continue
            case .closed: return nil
            }
        }
    }

    private static func serve<P: DaemonProcess>(
        _ type: P.Type, order: StartOrder, control: ControlReader, signals: SignalDescriptor
    ) throws -> Never {
        LocalTime.prepare()
        let parameters = try Parameters.load(directory: order.configurationDirectory)
        let master = try MasterConfiguration(
            Array(order.masterFile.utf8), file: "\(order.configurationDirectory)/master.cf", parameters: parameters)
        let sink = try LogSetup.sink(parameters)
        let log = MailLog(syslogName: parameters["syslog_name"], program: P.name, sink: sink)
        // Threads inherit it.
        do { try P.confinement.begin(parameters) } catch { log.warning("separation: \(error)") }
        try TaskThreads.start()
        #if DEBUG
            let probe = SeparationProbe(P.name, directory: order.configurationDirectory)
        #endif
        let context = ProcessContext(
            parameters: parameters, masterConfiguration: master,
            services: order.services.compactMap { hosted($0, master, parameters) },
            queueListener: order.queueListener >= 0 ? order.queueListener : nil,
            group: MultiThreadedEventLoopGroup(numberOfThreads: max(1, P.eventLoops)), pool: BlockingPool(),
            logSink: sink, control: ProcessControl(socket: controlDescriptor),
            queueDirectory: parameters["queue_directory"], isChrooted: !order.chroot.isEmpty,
            generation: order.generation, ticketSecret: order.ticketSecret)

        let process: P
        switch wait({ try await P(context: context) }) {
        case .success(let made): process = made
        case .failure(let error): fatal(P.name, "\(error)", sink: log)
        }
        do {
            try confine(order)
        } catch {
            fatal(P.name, "\(error)", sink: log)
        }
        var refusals: CInt?
        do { refusals = try P.confinement.complete() } catch { log.warning("separation: \(error)") }
        if case .failure(let error) = wait({ try await process.start() }) { fatal(P.name, "\(error)", sink: log) }
        do { try P.confinement.serving() } catch { log.warning("separation: \(error)") }
        #if DEBUG
            probe.run(log)
        #endif
        context.control.report(.ready)
        obey(process, control: control, signals: signals, refusals: refusals ?? -1, sink: sink, log: log)
    }

    private static func hosted(
        _ order: ServiceOrder, _ master: MasterConfiguration, _ parameters: Parameters
    ) -> HostedService? {
        guard master.services.indices.contains(order.index) else { return nil }
        let service = master.services[order.index]
        let listeners = zip(order.listeners, order.addresses).map { HostedListener(descriptor: $0, address: $1) }
        return HostedService(service: service, parameters: service.parameters(parameters), listeners: listeners)
    }

    /// chroot, then the final identity.
    private static func confine(_ order: StartOrder) throws {
        guard Privileges.isRoot else { return }
        var identity: Spawn.Identity?
        if !order.user.isEmpty {
            guard let account = try Users.lookup(name: order.user) else {
                throw ConfigurationError("unknown user: \(order.user)")
            }
            identity = Spawn.Identity(
                uid: account.uid, gid: account.gid, groups: Users.groups(of: account.name, primary: account.gid))
        }
        if !order.chroot.isEmpty { try Privileges.enterChroot(order.chroot) }
        if let identity { try Privileges.drop(to: identity) }
    }

    /// Waits for orders, signals and the end of master.
    private static func obey<P: DaemonProcess>(
        _ process: P, control: ControlReader, signals: SignalDescriptor, refusals: CInt, sink: any LogSink, log: MailLog
    ) -> Never {
        var control = control
        var stopping = false
        // Made once: the optimiser may place an array made anew in a loop without end on the stack, and free it as if it were not.
        var entries = [
            pollfd(fd: controlDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: refusals, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            if stopping {
                // Only the time limit is left to wait for; the task ends the process earlier.
                poll(nil, 0, stopSeconds * 1000)
                _exit(0)
            }
            if poll(&entries, nfds_t(entries.count), -1) < 0 {
                guard errno == EINTR else { _exit(1) }
                continue
            }
            if entries[2].revents != 0 {
                for call in Separation.refusedCalls(refusals) {
                    log.warning("separation: system call \(call) was refused to the process \(P.name)")
                }
            }
            if entries[1].revents != 0 {
                while let signal = signals.next() {
                    if signal == SIGTERM || signal == SIGINT { stopping = true }
                }
            }
            if entries[0].revents != 0 {
                switch control.next() {
                case .closed: stopping = true
                case .nothing: break
                case .frame(let frame, let descriptors):
                    switch ProcessControl.decode(ProcessOrder.self, frame) {
                    case .drain: finish { await process.drain() }
                    case .replaceLog:
                        if let file = sink as? MaillogFileSink, let descriptor = descriptors.first {
                            file.replace(descriptor: descriptor)
                        }
                    case nil: break
                    }
                }
            }
            if stopping { finish { await process.stop() } }
        }
    }

    private static func finish(_ body: @escaping @Sendable () async -> Void) {
        // The priority of the main thread would need rights that are gone.
        Task(priority: .medium) {
            await body()
            _exit(0)
        }
    }

    /// Runs async code from the main thread.
    static func wait<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) -> Result<T, any Error> {
        let shared = ResultBox<T>()
        let done = Semaphore()
        Task {
            do { shared.set(.success(try await body())) } catch { shared.set(.failure(error)) }
            done.signal()
        }
        done.wait()
        return shared.get() ?? .failure(CancellationError())
    }

    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func fatal(_ name: String, _ text: String, sink: MailLog?) -> Never {
        let log = sink ?? MailLog(syslogName: "postfix", program: name, sink: StandardErrorSink())
        log.fatal(text)
        _exit(1)
    }
}
