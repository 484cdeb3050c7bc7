import Configuration
import Glibc
import MailSystem
import Submission
import Synchronization

/// What every command starts from: its name, its log and the configuration.
struct CommandContext {
    let name: String
    let parameters: Parameters
    let log: MailLog

    /// Reads main.cf.
    ///
    /// - Parameter directory: of `-c`; nil: `MAIL_CONFIG` or /etc/postfix.
    init(name: String, directory: String?) throws(CommandFailure) {
        self.name = name
        let directory = directory ?? Self.configurationDirectory
        // Commands that this one starts read the same configuration.
        setenv("MAIL_CONFIG", directory, 1)
        do {
            parameters = try Parameters.load(directory: directory, processName: name)
        } catch {
            throw CommandFailure(error.description)
        }
        let sink = CommandSink(parameters: parameters)
        log = MailLog(tag: name, sink: sink)
        Self.sink.withLock { $0 = sink }
        let showsUTF8 = parameters.bool("smtputf8_enable")
        Self.showsUTF8.withLock { $0 = showsUTF8 }
        for problem in parameters.fileDiagnostics { log.warning(problem.complaint) }
        let settings = parameters.namesSet.map { (name: $0, value: parameters.raw($0) ?? "") }
        CommandTrace.tell(settings: settings, of: "\(directory)/main.cf")
    }

    /// Of the configuration, once it has been read.
    private static let sink = Mutex<CommandSink?>(nil)

    /// Without `smtputf8_enable`, messages have question marks in place of what is not ASCII.
    private static let showsUTF8 = Mutex(true)

    static func shown(_ text: String) -> String {
        if showsUTF8.withLock({ $0 }) || text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        return String(decoding: text.utf8.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    static var configurationDirectory: String {
        guard let value = getenv("MAIL_CONFIG") else { return "/etc/postfix" }
        let text = String(cString: value)
        return text.isEmpty ? "/etc/postfix" : text
    }

    /// Runs a command's body and turns a failure into its message and exit status.
    ///
    /// - Parameter logs: the mail log is told, too.
    static func run(_ name: String, logs: Bool, _ body: () throws(CommandFailure) -> Int32) -> Int32 {
        do {
            return try body()
        } catch {
            if let complaint = error.complaint {
                StandardErrorSink().write(LogRecord(tag: name, severity: .info, text: complaint))
            }
            if !error.text.isEmpty { report(LogRecord(tag: name, severity: .fatal, text: error.text), logs) }
            return error.status
        }
    }

    private static func report(_ record: LogRecord, _ logs: Bool) {
        guard logs else {
            return StandardErrorSink().write(
                LogRecord(tag: record.tag, severity: record.severity, text: shown(record.text)))
        }
        // Without a configuration, syslog has Postfix's standard names.
        (sink.withLock { $0 } ?? CommandSink(syslog: SyslogSink(facility: 2 << 3), prefix: "postfix")).write(record)
    }
}

/// Standard error under the command's own name, and syslog under Postfix's.
private struct CommandSink: LogSink {
    let syslog: SyslogSink?
    let prefix: String

    init(syslog: SyslogSink?, prefix: String) {
        self.syslog = syslog
        self.prefix = prefix
    }

    init(parameters: Parameters) {
        syslog = LogLine.facility(parameters["syslog_facility"]).map { SyslogSink(facility: $0) }
        prefix = parameters["syslog_name"]
    }

    func write(_ record: LogRecord) {
        let text = CommandContext.shown(record.text)
        StandardErrorSink().write(LogRecord(tag: record.tag, severity: record.severity, text: text))
        syslog?.write(LogRecord(tag: "\(prefix)/\(record.tag)", severity: record.severity, text: text))
    }
}

/// Waits on the command's own thread for work that suspends.
package func runBlocking<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value? {
    let result = BlockingResult<Value>()
    Task {
        result.finish(await body())
    }
    return result.wait()
}

/// `@unchecked Sendable`: the semaphore may be used from any thread, and the value is behind a lock.
private final class BlockingResult<Value: Sendable>: @unchecked Sendable {
    private let done: UnsafeMutablePointer<sem_t>
    private let value: Mutex<Value?> = Mutex(nil)

    init() {
        done = .allocate(capacity: 1)
        done.initialize(to: sem_t())
        sem_init(done, 0, 0)
    }

    deinit {
        sem_destroy(done)
        done.deallocate()
    }

    func finish(_ result: Value) {
        value.withLock { $0 = result }
        sem_post(done)
    }

    func wait() -> Value? {
        while sem_wait(done) != 0, errno == EINTR {}
        return value.withLock { $0 }
    }
}
