import Configuration
import Glibc
import InternalProtocol
import MailSystem
import Runtime

/// master's event loop: one thread, poll(2), signals by descriptor. It reads nothing from the network.
final class Supervisor {
    struct Options {
        var executable: String
        /// start-fg: output of the processes goes to ours.
        var keepsOutput = false
        var verbose = 0
        /// Called when a reload is over: the new generation serves, or the configuration was refused.
        var reloaded: () -> Void = {}
    }

    private var settings: ServerSettings
    private let endpoints: EndpointTable
    private let launcher: ProcessLauncher
    private let signals: SignalDescriptor
    private var sink: any LogSink
    private var log: MailLog
    private let clock: any MailClock = SystemClock()

    private var slots: [ProcessSlot] = []
    /// Processes whose place is no longer in master.cf.
    private var orphans: [ChildProcess] = []
    private var wakeUps: WakeUps
    private var generation = 0
    private var tickets = TicketSecrets()
    private var stopDeadline: Double?
    private let reloaded: () -> Void
    private var isReloading = false

    /// Opens all endpoints. The working directory is the queue directory, the locks are held.
    init(settings: ServerSettings, options: Options, signals: SignalDescriptor, sink: any LogSink) throws {
        self.settings = settings
        self.signals = signals
        self.sink = sink
        log = MailLog(syslogName: settings.parameters["syslog_name"], program: "master", sink: sink)
        launcher = ProcessLauncher(
            executable: options.executable, keepsOutput: options.keepsOutput, verbose: options.verbose)
        endpoints = EndpointTable(owner: settings.owner)
        reloaded = options.reloaded
        wakeUps = WakeUps(settings.master)
        for address in try endpoints.add(settings.allEndpoints) {
            log.warning("\(address): the protocol is not available: not listening there")
        }
        slots = settings.plan.processes.map(ProcessSlot.init)
    }

    private func logFindings() {
        for note in settings.master.compatibilityNotes { log.info(note) }
        for warning in settings.warnings { log.warning(warning) }
    }

    /// Serves until told to stop.
    func run() {
        logStart("daemon started")
        logFindings()
        if let shortcoming = Confinement.shortcoming { log.info(shortcoming) }
        wakeUps.begin(at: monotonic)
        while true {
            let now = monotonic
            if let stopDeadline {
                if allChildren.isEmpty { return }
                if now >= stopDeadline { for child in allChildren { child.signal(SIGKILL) } }
            } else {
                startWhatIsDue(now)
                if isReloading, slots.allSatisfy(\.isSettled) {
                    isReloading = false
                    reloaded()
                }
                for path in wakeUps.due(now) { WakeUps.trigger(path) }
            }
            enforceDeadlines(now)
            wait(now)
        }
    }

    private func logStart(_ what: String) {
        log.info(
            "\(what) -- version \(settings.parameters["mail_version"]), configuration \(settings.parameters.directory)")
    }

    private var monotonic: Double { Double(clock.monotonicNanoseconds()) / 1e9 }

    private var allChildren: [ChildProcess] { slots.flatMap(\.children) + orphans }

    // MARK: Starting

    private func startWhatIsDue(_ now: Double) {
        for slot in slots where now >= slot.notBefore {
            if slot.current == nil {
                slot.needsSuccessor = false
                if slot.isWanted { slot.current = launch(slot, now) }
            } else if slot.needsSuccessor, slot.successor == nil {
                if slot.plan.key.kind.isExclusive {
                    // Its successor starts when it has given way.
                    retire(slot, now, limit: 10)
                } else {
                    slot.needsSuccessor = false
                    slot.successor = launch(slot, now)
                }
            }
        }
    }

    private func launch(_ slot: ProcessSlot, _ now: Double) -> ChildProcess? {
        if slot.isTaken { return nil }
        generation += 1
        do {
            return try launcher.start(
                slot.plan, settings: settings, endpoints: endpoints, generation: generation, now: now,
                ticketSecret: tickets.secret(settings.parameters, now: now))
        } catch {
            let delay = slot.noteFailure(after: 0, now: now)
            log.warning("\(name(slot.plan.key)): \(error): next attempt in \(Int(delay)) seconds")
            return nil
        }
    }

    private func name(_ key: PlannedProcess.Key) -> String {
        "\(settings.parameters["daemon_directory"])/\(key.kind.rawValue)"
    }

    /// The current process of the slot drains; a limit in seconds when it must not take for ever.
    private func retire(_ slot: ProcessSlot, _ now: Double, limit: Double?) {
        guard let old = slot.current else { return }
        slot.current = nil
        slot.retired.append(old)
        drain(old, now, limit: limit)
        // Sessions can last: more than a few old generations cost too much.
        if slot.retired.count > 8, let oldest = slot.retired.first(where: { $0.deadline == nil }) {
            oldest.signal(SIGTERM)
            oldest.deadline = (now + 10, SIGKILL)
        }
    }

    private func drain(_ child: ChildProcess, _ now: Double, limit: Double?) {
        child.state = .draining
        child.order(.drain)
        if let limit { child.deadline = (now + limit, SIGTERM) }
    }

    private func enforceDeadlines(_ now: Double) {
        for child in allChildren {
            guard let deadline = child.deadline, now >= deadline.time else { continue }
            child.signal(deadline.signal)
            child.deadline = (now + 10, SIGKILL)
        }
    }

    // MARK: Waiting

    private func wait(_ now: Double) {
        var entries = [pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)]
        let talkers = allChildren.filter { !$0.controlIsClosed }
        entries += talkers.map { pollfd(fd: $0.control, events: Int16(POLLIN), revents: 0) }
        let printers = allChildren.filter { $0.errors >= 0 }
        entries += printers.map { pollfd(fd: $0.errors, events: Int16(POLLIN), revents: 0) }
        let firstPrinter = 1 + talkers.count
        let firstListener = firstPrinter + printers.count
        var listeners: [(slot: ProcessSlot, descriptor: CInt)] = []
        if stopDeadline == nil {
            for slot in slots where slot.waitsForTraffic {
                for address in slot.plan.services.flatMap({ settings.endpoints[$0] }) {
                    guard let descriptor = endpoints.descriptor(address) else { continue }
                    listeners.append((slot, descriptor))
                    entries.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
                }
            }
        }
        let ready = poll(&entries, nfds_t(entries.count), timeout(now))
        guard ready > 0 else { return }
        for (index, child) in talkers.enumerated() where entries[1 + index].revents != 0 { hear(child) }
        for (index, child) in printers.enumerated() where entries[firstPrinter + index].revents != 0 { quote(child) }
        for (index, listener) in listeners.enumerated() where entries[firstListener + index].revents != 0 {
            listener.slot.isWanted = true
        }
        if entries[0].revents != 0 {
            while let signal = signals.next() { handle(signal) }
        }
    }

    /// Milliseconds until something is due.
    private func timeout(_ now: Double) -> CInt {
        var next = stopDeadline ?? now + 3600
        if stopDeadline == nil {
            next = min(next, wakeUps.next ?? next)
            for slot in slots where slot.isWanted && slot.current == nil || slot.needsSuccessor {
                // A slot that waits for its predecessor is started by what the predecessor says, or by its end.
                if slot.isTaken { continue }
                if slot.successor == nil { next = min(next, slot.notBefore) }
            }
        }
        for child in allChildren { if let deadline = child.deadline { next = min(next, deadline.time) } }
        return CInt(max(0, min(3600, next - now)) * 1000) + 1
    }

    // MARK: Events

    /// Logs what a process printed: nothing does in good health.
    private func quote(_ child: ChildProcess) {
        for line in child.printedLines() { log.warning("process \(name(child.key)) pid \(child.pid): \(line)") }
    }

    private func hear(_ child: ChildProcess) {
        while true {
            switch child.reader.next() {
            case .nothing: return
            case .closed:
                child.controlIsClosed = true
                return
            case .frame(let frame, let descriptors):
                for descriptor in descriptors { Descriptors.close(descriptor) }
                guard let report = ProcessControl.decode(ProcessReport.self, frame) else { continue }
                obey(report, from: child)
            }
        }
    }

    private func obey(_ report: ProcessReport, from child: ChildProcess) {
        guard let slot = slots.first(where: { $0.children.contains { $0 === child } }) else { return }
        switch report {
        case .ready:
            child.state = .ready
            slot.noteReady()
            if slot.successor === child {
                retire(slot, monotonic, limit: nil)
                slot.successor = nil
                slot.current = child
            }
        case .wantsSuccessor:
            guard slot.current === child else { return }
            slot.needsSuccessor = true
            // A table that changes all the time must not start processes all the time.
            slot.notBefore = max(slot.notBefore, child.started + 1)
        case .draining:
            // Deliveries may take their time: no limit any more.
            guard child.state == .draining, slot.retired.contains(where: { $0 === child }) else { return }
            child.gaveWay = true
            if slot.plan.key.kind.isExclusive { child.deadline = nil }
        }
    }

    private func handle(_ signal: CInt) {
        switch signal {
        case SIGCHLD: reap()
        case SIGHUP: if stopDeadline == nil { reload() }
        case SIGTERM, SIGINT:
            if stopDeadline == nil { log.info("terminating on signal \(signal)") }
            stopDeadline = signal == SIGINT ? monotonic : monotonic + 10
            for child in allChildren { child.signal(signal == SIGINT ? SIGKILL : SIGTERM) }
        default: break
        }
    }

    private func reap() {
        while true {
            var status: CInt = 0
            let pid = waitpid(-1, &status, WNOHANG)
            guard pid > 0 else { return }
            let result = ProcessStatus(waitStatus: status)
            if let index = orphans.firstIndex(where: { $0.pid == pid }) {
                orphans.remove(at: index)
                continue
            }
            guard let slot = slots.first(where: { $0.children.contains { $0.pid == pid } }),
                let child = slot.children.first(where: { $0.pid == pid })
            else { continue }
            ended(child, of: slot, result)
        }
    }

    private func ended(_ child: ChildProcess, of slot: ProcessSlot, _ result: ProcessStatus) {
        quote(child)
        let now = monotonic
        let wasRetired = slot.retired.contains { $0 === child }
        slot.retired.removeAll { $0 === child }
        let wasSuccessor = slot.successor === child
        if wasSuccessor { slot.successor = nil }
        if slot.current === child { slot.current = nil }
        if stopDeadline != nil { return }
        switch result {
        case .exited(0): break
        case .exited(let code):
            log.warning("process \(name(child.key)) pid \(child.pid) exit status \(code)")
        case .killed(let signal):
            if !(wasRetired && child.deadline != nil) {
                log.warning("process \(name(child.key)) pid \(child.pid) killed by signal \(signal)")
            }
        }
        if wasRetired { return }
        if child.state == .starting, result != .exited(0) {
            log.warning("\(name(child.key)): bad command startup -- throttling")
        }
        _ = slot.noteFailure(after: child.state == .starting ? 0 : now - child.started, now: now)
        // The change that called for the successor is still waiting to be taken up.
        if wasSuccessor { slot.needsSuccessor = true }
    }

    // MARK: Reload

    private func reload() {
        let new: ServerSettings
        do {
            new = try ServerSettings(directory: settings.parameters.directory)
            guard new.queueDirectory == settings.queueDirectory else {
                throw ConfigurationError("queue_directory has changed: stop and start the mail system")
            }
            for address in try endpoints.add(new.allEndpoints) {
                log.warning("\(address): the protocol is not available: not listening there")
            }
        } catch {
            log.error("\(error)")
            log.warning("the configuration was not reloaded: the mail system runs on as it was")
            reloaded()
            return
        }
        settings = new
        isReloading = true
        replaceLog()
        logStart("reload")
        logFindings()
        let now = monotonic
        var remaining = slots
        slots = new.plan.processes.map { plan in
            guard let index = remaining.firstIndex(where: { $0.plan.key == plan.key }) else { return ProcessSlot(plan) }
            let slot = remaining.remove(at: index)
            slot.plan = plan
            slot.notBefore = 0
            if let unready = slot.successor {
                // It was made for the configuration before this one.
                slot.successor = nil
                slot.retired.append(unready)
                drain(unready, now, limit: 10)
            }
            slot.needsSuccessor = slot.current != nil
            return slot
        }
        for slot in remaining {
            for child in slot.children {
                if child.state != .draining { drain(child, now, limit: nil) }
                orphans.append(child)
            }
        }
        endpoints.keepOnly(Set(settings.allEndpoints))
        wakeUps = WakeUps(settings.master)
        wakeUps.begin(at: now)
    }

    /// maillog_file may have been rotated: everybody, old generations too, continues in the new file.
    private func replaceLog() {
        guard let new = try? LogSetup.sink(settings.parameters) else { return }
        sink = new
        log = MailLog(syslogName: settings.parameters["syslog_name"], program: "master", sink: new)
        let path = settings.parameters["maillog_file"]
        guard !path.isEmpty, path != "/dev/stdout" else { return }
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        for child in allChildren { child.order(.replaceLog, descriptors: [descriptor]) }
        close(descriptor)
    }
}
