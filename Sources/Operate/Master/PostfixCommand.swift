import CommandReference
import Configuration
import Glibc
import MailSystem
import Runtime
import Submission

/// The `postfix` command: postfix(1).
public enum PostfixCommand {
    static let usage =
        "Usage: postfix start (or stop, reload, abort, flush, check, status, set-permissions,"
        + " upgrade-configuration, logrotate)"

    /// - Parameter arguments: with argv[0].
    /// - Returns: exit status.
    public static func main(arguments: [String]) -> Int32 {
        let environment = ProcessEnvironment.value("MAIL_CONFIG")
        var directory = environment ?? CommandContext.standardDirectory
        // postfix-wrapper(5): a directory that was named means that instance alone.
        var isOneInstance = environment != nil
        var verbose = 0
        var rest = arguments.dropFirst()
        var scanner = OptionScanner(Array(rest), options: CommandSynopsis.postfix.letters)
        while let item = scanner.next() {
            switch item {
            case .value("c", let value):
                directory = value
                isOneInstance = true
            case .flag("v"): verbose += 1
            case .error(let text):
                StandardErrorSink().write(LogRecord(tag: "postfix", severity: .info, text: text))
                return refuse("usage: postfix [-c config_dir] [-Dv] command")
            default: break
            }
        }
        rest = scanner.operands[...]
        let subcommand = rest.popFirst() ?? ""
        if !directory.hasPrefix("/") { directory = absolute(directory) }
        let parameters: Parameters
        let log: MailLog
        do {
            parameters = try Parameters.load(directory: directory, processName: "postfix")
            log = try openLog(parameters)
        } catch {
            return refuse(error.description)
        }
        if !isOneInstance, let wrapper = InstanceWrapper(parameters) {
            return wrapper.run([subcommand] + rest, verbose: verbose, log: log)
        }
        setenv("MAIL_CONFIG", directory, 1)
        let actions = PostfixActions(parameters: parameters, log: log, verbose: verbose)
        do {
            return try actions.run(subcommand, Array(rest))
        } catch {
            log.fatal("\(error)")
            return 1
        }
    }

    private static func refuse(_ text: String) -> Int32 {
        MailLog(tag: "postfix", sink: StandardErrorSink()).fatal(text)
        return 1
    }

    private static func absolute(_ path: String) -> String {
        guard let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return "\(String(cString: current))/\(path)"
    }

    /// What the administrator must see goes to the log and to the terminal.
    private static func openLog(_ parameters: Parameters) throws(ConfigurationError) -> MailLog {
        var sinks: [any LogSink] = [StandardErrorSink()]
        // Without the right to write the log file, the terminal must do.
        let file = parameters["maillog_file"]
        if file.isEmpty || access(file, W_OK) == 0 || Privileges.isRoot || !Files.exists(file) {
            if file != "/dev/stdout" { sinks.append(try LogSetup.sink(parameters)) }
        }
        return MailLog(
            syslogName: parameters["syslog_name"], program: "postfix-script", sink: LogSinks(sinks))
    }
}
