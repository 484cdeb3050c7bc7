import MailSystem

/// What the processes log.
final class SimulatedLog {
    /// Notifications made, of all kinds.
    private(set) var notices = 0
    /// The last lines, for reports.
    private(set) var lines: [String] = []

    func add(_ line: String) {
        lines.append(line)
        // With a warning, it could not be made.
        if line.contains("non-delivery notification"), !line.contains(": warning: ") { notices += 1 }
        if lines.count > 4000 { lines.removeFirst(2000) }
    }
}

struct ProcessLog: LogSink {
    private let log: Unchecked<SimulatedLog>
    private let process: SimulatedProcess

    init(log: SimulatedLog, process: SimulatedProcess) {
        self.log = Unchecked(log)
        self.process = process
    }

    func write(_ record: LogRecord) {
        guard process.isAlive else { return }
        let line = "\(record.tag): \(record.severity.label)\(record.text)"
        process.world.note("log", line)
        log.value.add(line)
        // Notifications of notifications: there is no need to see all of them.
        if log.value.notices > 1000 { process.world.stepLimit = 0 }
    }
}
