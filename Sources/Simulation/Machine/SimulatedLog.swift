import MailSystem

/// What the processes log.
final class SimulatedLog {
    /// The last lines, for reports.
    private(set) var lines: [String] = []

    func add(_ line: String) {
        lines.append(line)
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
    }
}
