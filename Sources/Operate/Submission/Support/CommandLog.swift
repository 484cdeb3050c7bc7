import Configuration
import Glibc
import MailSystem

/// Where a command's diagnostics go: standard error under its name, and the mail log under syslog_name and its name.
public struct CommandLog: LogSink {
    private let program: String
    private let tag: String
    private let mailLog: any LogSink
    private let standardError: Bool

    /// postfix(1), postmulti(1) and postlog(1) talk to a terminal and the mail log, and stay silent towards programs: cron would
    /// mail what they say.
    public static let hasTerminal = isatty(STDERR_FILENO) != 0

    /// Before main.cf has been read, and when it cannot be: standard error, and syslog under Postfix's standard names.
    ///
    /// - Parameters:
    ///   - program: its tag on standard error, as it was called.
    ///   - tag: in syslog.
    public static func early(program: String, tag: String, standardError: Bool = true) -> MailLog {
        MailLog(
            tag: program,
            sink: CommandLog(
                program: program, tag: tag, mailLog: SyslogSink(facility: 2 << 3), standardError: standardError))
    }

    /// For a command whose name stands without syslog_name in the mail log.
    ///
    /// - Parameter parameters: nil before main.cf has been read.
    public static func alone(_ program: String, parameters: Parameters?, standardError: Bool) -> MailLog {
        let mailLog = parameters.map(mailLogSink) ?? SyslogSink(facility: 2 << 3)
        return MailLog(
            tag: program,
            sink: CommandLog(program: program, tag: program, mailLog: mailLog, standardError: standardError))
    }

    /// For a script of Postfix: under syslog_name on standard error too.
    public static func make(tag: String, parameters: Parameters, standardError: Bool = true) -> MailLog {
        let full = "\(parameters["syslog_name"])/\(tag)"
        return MailLog(
            tag: full,
            sink: CommandLog(
                program: full, tag: full, mailLog: mailLogSink(parameters), standardError: standardError))
    }

    /// - Parameter alias: the name that the mail log has it under, when it was called by another.
    public static func make(
        program: String, alias: String? = nil, parameters: Parameters, standardError: Bool = true
    ) -> MailLog {
        let name = parameters["syslog_name"]
        let logged = alias ?? program
        let sink = CommandLog(
            program: program, tag: name.isEmpty ? logged : "\(name)/\(logged)", mailLog: mailLogSink(parameters),
            standardError: standardError)
        return MailLog(tag: program, sink: sink)
    }

    /// Syslog, or with maillog_file the postlog service; the file itself when that service is down.
    public static func mailLogSink(_ parameters: Parameters) -> any LogSink {
        let path = parameters["maillog_file"]
        guard !path.isEmpty else {
            return SyslogSink(facility: LogLine.facility(parameters["syslog_facility"]) ?? 2 << 3)
        }
        return PostlogSink(
            socket: "\(parameters["queue_directory"])/public/\(parameters["postlog_service_name"])", file: path,
            hostName: parameters["myhostname"])
    }

    public func write(_ record: LogRecord) {
        mailLog.write(LogRecord(tag: tag, severity: record.severity, text: record.text))
        if standardError { StandardErrorSink().write(record) }
    }
}

/// Datagrams to the postlog service.
struct PostlogSink: LogSink {
    let socket: String
    let file: String
    let hostName: String

    func write(_ record: LogRecord) {
        let label = hostName.split(separator: ".").first.map(String.init) ?? hostName
        let stamp = LocalTime.maillogStamp(SystemClock().now())
        var line = Array("\(stamp) \(label) \(record.tag)[\(getpid())]: ".utf8)
        line += LogLine.message(record)
        if let descriptor = try? Listeners.connectUnix(path: socket, type: .datagram) {
            defer { Descriptors.close(descriptor) }
            if (try? Descriptors.send(line, over: descriptor)) != nil { return }
        }
        // Only root can write the file; for others there is standard error.
        (try? MaillogFileSink(path: file, hostName: hostName))?.write(record)
    }
}
