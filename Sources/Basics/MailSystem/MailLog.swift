/// How serious a log record is. The text of a record carries the word, as Postfix writes it.
public enum LogSeverity: String, Sendable, CaseIterable {
    case info, warning, error, fatal, panic

    /// What stands before the message text: nothing for info.
    public var label: String { self == .info ? "" : "\(rawValue): " }
}

/// One log record before it is given its time and process id.
public struct LogRecord: Sendable, Equatable {
    /// `postfix/smtpd`, `postfix/submission/smtpd`: syslog_name and program.
    public var tag: String
    public var severity: LogSeverity
    public var text: String

    public init(tag: String, severity: LogSeverity, text: String) {
        self.tag = tag
        self.severity = severity
        self.text = text
    }
}

/// Where log records go: syslog, maillog_file, standard error, or a test's memory.
public protocol LogSink: Sendable {
    func write(_ record: LogRecord)
}

/// A named source of log records. One process hosts many: each service logs under its own tag.
public struct MailLog: Sendable {
    /// syslog_name and program, joined by a slash.
    public let tag: String
    private let sink: any LogSink

    public init(tag: String, sink: any LogSink) {
        self.tag = tag
        self.sink = sink
    }

    /// - Parameters:
    ///   - syslogName: the syslog_name parameter, such as `postfix` or `postfix/submission`.
    ///   - program: the Postfix program whose work is logged, such as `smtpd`.
    public init(syslogName: String, program: String, sink: any LogSink) {
        self.init(tag: "\(syslogName)/\(program)", sink: sink)
    }

    public func info(_ text: String) { write(.info, text) }
    public func warning(_ text: String) { write(.warning, text) }
    public func error(_ text: String) { write(.error, text) }
    public func fatal(_ text: String) { write(.fatal, text) }
    public func panic(_ text: String) { write(.panic, text) }

    private func write(_ severity: LogSeverity, _ text: String) {
        sink.write(LogRecord(tag: tag, severity: severity, text: text))
    }
}
