import Glibc
import Synchronization

/// Of this process: programs that log are started with exec(3), never forked on.
private let processID = getpid()

/// Datagrams to the system log, as syslog(3) sends them.
///
/// A log daemon that is busy is waited for, a short while; one that hangs must not hold up mail: its lines are lost, and
/// counted in a line of their own when it reads again.
public final class SyslogSink: LogSink {
    /// Of the process' life: connected anew in place, so that threads send without a lock.
    private let socket: CInt
    private let reconnecting = Mutex(())
    /// Lines that found no room since the last that did.
    private let lost = Atomic<Int>(0)
    private let facility: Int
    private let path: String
    private let process = "[\(processID)]: "
    private let clock: any MailClock

    /// Connects at once, so that it works after a chroot; reconnects when the log daemon restarts.
    /// - Parameter facility: syslog code, as `LogLine.facility` gives it.
    public init(facility: Int, path: String = "/dev/log", clock: any MailClock = SystemClock()) {
        self.facility = facility
        self.path = path
        self.clock = clock
        LocalTime.prepare()
        // Not connected when no log daemon runs: sending fails then, and tries again to connect.
        socket = Self.connect(path) ?? Listeners.unconnectedDatagram()
    }

    /// Sending waits for room for a second at most.
    private static func connect(_ path: String) -> CInt? {
        guard let descriptor = try? Listeners.connectUnix(path: path, type: .datagram) else { return nil }
        Descriptors.setSendTimeout(descriptor, seconds: 1)
        return descriptor
    }

    deinit { Descriptors.close(socket) }

    public func write(_ record: LogRecord) {
        guard send(line(record)) else { return }
        let count = lost.exchange(0, ordering: .relaxed)
        guard count > 0 else { return }
        let text = "\(count) log line\(count == 1 ? "" : "s") lost: the log daemon did not read"
        // The count comes again with the next line when there is no room for this one, which does not count itself.
        if !send(line(LogRecord(tag: record.tag, severity: .warning, text: text))) {
            lost.add(count - 1, ordering: .relaxed)
        }
    }

    private func line(_ record: LogRecord) -> [UInt8] {
        var line = LogLine.empty()
        line += LogLine.priority(facility, record.severity).utf8
        line += LocalTime.syslogStamp(clock.now()).utf8
        line.append(UInt8(ascii: " "))
        line += record.tag.utf8
        line += process.utf8
        LogLine.append(record, to: &line)
        return line
    }

    /// - Returns: false when the line is lost.
    private func send(_ line: [UInt8]) -> Bool {
        switch attempt(line) {
        case .sent: return true
        case .noRoom: return false
        case .failed: break
        }
        return reconnecting.withLock { _ in
            guard let new = Self.connect(path) else { return false }
            Descriptors.replace(socket, with: new)
            return attempt(line) == .sent
        }
    }

    /// Who was waited for in vain is not waited for again.
    private func attempt(_ line: [UInt8]) -> Descriptors.DatagramOutcome {
        let outcome = Descriptors.sendDatagram(line, over: socket, waits: lost.load(ordering: .relaxed) == 0)
        if outcome == .noRoom { lost.add(1, ordering: .relaxed) }
        return outcome
    }
}

/// Lines of `maillog_file`: time, host, program and process as syslog daemons write them.
public final class MaillogFileSink: LogSink {
    let descriptor: Mutex<CInt>
    /// ` mail `
    private let host: String
    private let process = "[\(processID)]: "
    private let clock: any MailClock

    /// - Parameters:
    ///   - descriptor: opened for appending; taken over.
    ///   - hostName: its first label stands in the lines.
    public init(descriptor: CInt, hostName: String, clock: any MailClock = SystemClock()) {
        self.descriptor = Mutex(descriptor)
        self.clock = clock
        host = " \(hostName.split(separator: ".").first.map(String.init) ?? hostName) "
        LocalTime.prepare()
    }

    /// Opens `path` for appending; `/dev/stdout` means the standard output.
    public convenience init(path: String, hostName: String, clock: any MailClock = SystemClock()) throws(SystemError) {
        let descriptor: CInt
        if path == "/dev/stdout" {
            descriptor = dup(STDOUT_FILENO)
            if descriptor >= 0 { Descriptors.setCloseOnExec(descriptor) }
        } else {
            descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        }
        if descriptor < 0 { throw SystemError("open", path: path) }
        self.init(descriptor: descriptor, hostName: hostName, clock: clock)
    }

    deinit {
        let last = descriptor.withLock { $0 }
        Descriptors.close(last)
    }

    /// Continues in another file: the old one has been rotated away.
    public func replace(descriptor new: CInt) {
        let old = descriptor.withLock { current in
            defer { current = new }
            return current
        }
        Descriptors.close(old)
    }

    public func write(_ record: LogRecord) {
        var line = LogLine.empty()
        line += LocalTime.maillogStamp(clock.now()).utf8
        line += host.utf8
        line += record.tag.utf8
        line += process.utf8
        LogLine.append(record, to: &line)
        line.append(UInt8(ascii: "\n"))
        // One write a line: O_APPEND keeps the lines of several processes whole.
        descriptor.withLock { target in
            do { try Descriptors.writeAll(line, to: target) } catch {}
        }
    }
}

extension MaillogFileSink {
    /// A line that another program made, with its own time, host and process id (postlogd(8)).
    public func append(line: [UInt8]) {
        descriptor.withLock { target in
            do { try Descriptors.writeAll(line + [UInt8(ascii: "\n")], to: target) } catch {}
        }
    }
}

/// `postmap: warning: …` on standard error, for commands.
public struct StandardErrorSink: LogSink {
    private let descriptor: CInt

    public init() { self.init(descriptor: STDERR_FILENO) }

    /// - Parameter descriptor: standard output, for a command whose messages are its output.
    public init(descriptor: CInt) { self.descriptor = descriptor }

    public func write(_ record: LogRecord) {
        var line = Array("\(record.tag): ".utf8)
        LogLine.append(record, to: &line, limit: Int.max)
        line.append(UInt8(ascii: "\n"))
        do { try Descriptors.writeAll(line, to: descriptor) } catch {}
    }
}

/// Writes each record to several sinks.
public struct LogSinks: LogSink {
    private let sinks: [any LogSink]

    public init(_ sinks: [any LogSink]) { self.sinks = sinks }

    public func write(_ record: LogRecord) {
        for sink in sinks { sink.write(record) }
    }
}
