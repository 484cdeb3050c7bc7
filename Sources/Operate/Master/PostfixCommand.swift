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
                guard value.hasPrefix("/") else { return refuse("-c requires absolute pathname") }
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
        let parameters: Parameters
        let log: MailLog
        do {
            parameters = try Parameters.load(directory: directory, processName: "postfix")
            log = try openLog(parameters, tells: CommandLog.hasTerminal || subcommand == "check")
        } catch {
            return refuse(error.description)
        }
        let own = CommandLog.alone("postfix", parameters: parameters, standardError: CommandLog.hasTerminal)
        if !Privileges.isRoot, !isMailOwner(parameters) {
            own.error("to submit mail, use the Postfix sendmail command")
            return refuse("the postfix command is reserved for the superuser", own)
        }
        announceCompatibility(parameters, own)
        if !isOneInstance, !parameters.list("multi_instance_directories").isEmpty {
            guard let wrapper = InstanceWrapper(parameters) else {
                return refuse("multi-instance support is requested, but multi_instance_wrapper is empty", own)
            }
            return wrapper.run(scanner.operands, verbose: verbose, log: log)
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

    /// - Parameter log: nil before the configuration is known.
    private static func refuse(_ text: String, _ log: MailLog? = nil) -> Int32 {
        (log
            ?? CommandLog.early(program: "postfix", tag: "postfix", standardError: CommandLog.hasTerminal)).fatal(text)
        return 1
    }

    /// A mail system without root belongs to the user who runs it.
    private static func isMailOwner(_ parameters: Parameters) -> Bool {
        ((try? Users.lookup(name: parameters["mail_owner"])) ?? nil)?.uid == getuid()
    }

    /// The last level that changed a default: COMPATIBILITY_README.
    private static let lastLevel = "3.11"

    private static func announceCompatibility(_ parameters: Parameters, _ log: MailLog) {
        guard let last = CompatibilityLevel(lastLevel),
            CompatibilityLevel(parameters["compatibility_level"]) ?? .zero < last
        else { return }
        log.info("Postfix is using backwards-compatible default settings")
        log.info("See https://www.postfix.org/COMPATIBILITY_README.html for details")
        log.info(
            "To disable backwards compatibility use \"postconf compatibility_level=\(lastLevel)\" and \"postfix reload\""
        )
    }

    /// What the administrator must see goes to the log and, if it `tells`, to standard error.
    private static func openLog(_ parameters: Parameters, tells: Bool) throws(ConfigurationError) -> MailLog {
        var sinks: [any LogSink] = []
        // Without the right to write the log file, standard error must do.
        let file = parameters["maillog_file"]
        if file.isEmpty || access(file, W_OK) == 0 || Privileges.isRoot || !Files.exists(file) {
            if file != "/dev/stdout" { sinks.append(try LogSetup.sink(parameters)) }
        }
        if tells || sinks.isEmpty { sinks.insert(StandardErrorSink(), at: 0) }
        return MailLog(
            syslogName: parameters["syslog_name"], program: "postfix-script", sink: LogSinks(sinks))
    }
}
