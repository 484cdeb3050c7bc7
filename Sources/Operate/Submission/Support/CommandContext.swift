import Configuration
import Glibc
import MailSyntax
import MailSystem

/// What a command works with: its name, its configuration and its log.
public struct CommandContext: Sendable {
    /// Without directory.
    public let program: String
    public let parameters: Parameters
    /// Standard error and the mail log.
    public let log: MailLog

    public init(program: String, parameters: Parameters, log: MailLog) {
        self.program = program
        self.parameters = parameters
        self.log = log
    }

    /// Loads the configuration.
    /// - Parameters:
    ///   - directory: of a `-c` option; else MAIL_CONFIG, else /etc/postfix.
    /// - Throws: `CommandFailure` when the directory is not allowed to a set-gid program, or main.cf cannot be read.
    ///   - calledAs: another name of the command, for standard error.
    ///   - isLogged: false for a command that tells its user and never the mail log.
    ///   - standardError: false for a command that tells the mail log only.
    public init(
        program: String, calledAs: String? = nil, directory: String?, isLogged: Bool = true, standardError: Bool = true
    ) throws(CommandFailure) {
        let standard = Self.standardDirectory
        let chosen = directory ?? Self.environment("MAIL_CONFIG") ?? standard
        if chosen != standard, Self.isPrivileged, getuid() != 0 {
            try Self.authorize(chosen, program: program, standard: standard)
        }
        do {
            parameters = try Parameters.load(directory: chosen, processName: program)
        } catch {
            throw CommandFailure("\(error)")
        }
        self.program = program
        log =
            isLogged
            ? CommandLog.make(
                program: calledAs ?? program, alias: program, parameters: parameters, standardError: standardError)
            : MailLog(tag: calledAs ?? program, sink: StandardErrorSink())
        for problem in parameters.fileDiagnostics { log.warning(problem.complaint) }
        let settings = parameters.namesSet.map { (name: $0, value: parameters.raw($0) ?? "") }
        CommandTrace.tell(settings: settings, of: "\(chosen)/main.cf")
    }

    /// How the user called the command `name`: postcat, postconf and postlock put that before what they say, with its directory.
    public static func asCalled(_ name: String) -> String {
        let called = CommandLine.arguments.first ?? ""
        return called.split(separator: "/").last.map(String.init) == name ? called : name
    }

    public static let standardDirectory = "/etc/postfix"

    /// Runs with more rights than the user has: set-user-id or set-group-id.
    public static var isPrivileged: Bool { getuid() != geteuid() || getgid() != getegid() }

    public static func environment(_ name: String) -> String? {
        getenv(name).flatMap { String(validatingCString: $0) }
    }

    private static func authorize(_ chosen: String, program: String, standard: String) throws(CommandFailure) {
        let allowed: [String]
        do {
            let parameters = try Parameters.load(directory: standard, processName: program)
            allowed = parameters.list("alternate_config_directories") + parameters.list("multi_instance_directories")
        } catch {
            throw CommandFailure("\(error)")
        }
        if allowed.contains(chosen) { return }
        CommandLog.early(program: program, tag: "postfix/\(program)").error(
            "unauthorized configuration directory name: \(chosen)")
        throw CommandFailure(
            "specify \"alternate_config_directories = \(chosen)\" or \"multi_instance_directories = \(chosen)\" in"
                + " \(standard)/main.cf")
    }

    /// Drops every environment variable that import_environment does not name, and sets those it gives a value.
    public func cleanEnvironment() {
        let wanted = importedEnvironment
        clearenv()
        for setting in wanted {
            guard let equals = setting.firstIndex(of: "=") else { continue }
            setenv(String(setting[..<equals]), String(setting[setting.index(after: equals)...]), 1)
        }
    }

    /// `NAME=value` as import_environment says, MAIL_CONFIG included.
    public var importedEnvironment: [String] {
        var result: [String] = []
        for item in parameters.list("import_environment") {
            let text = ListSetting.unbraced(item) ?? item
            if text.contains("=") {
                result.append(text)
            } else if let value = Self.environment(text) {
                result.append("\(text)=\(value)")
            }
        }
        result.removeAll { $0.hasPrefix("MAIL_CONFIG=") }
        result.append("MAIL_CONFIG=\(parameters.directory)")
        return result
    }

    /// The person who runs the command: login name, or nil for a user id without one.
    public static func callerName() -> String? {
        (try? Users.lookup(uid: getuid()))?.name
    }

    /// Changes to queue_directory.
    public func enterQueueDirectory() throws(CommandFailure) {
        let path = parameters["queue_directory"]
        if chdir(path) != 0 { throw CommandFailure("chdir \(path): \(SystemError("chdir").reason)") }
    }

    /// Replaces this process by another program.
    public func execute(_ path: String, _ arguments: [String], status: Int32) throws(CommandFailure) -> Never {
        cleanEnvironment()
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        execv(path, pointers)
        let reason = SystemError("exec").reason
        for pointer in pointers { free(pointer) }
        throw CommandFailure("unable to execute \(path): \(reason)", status: status)
    }
}

/// Runs the body of a command and turns its failure into a log line and an exit code.
public enum CommandRunner {
    /// - Parameters:
    ///   - log: nil before the configuration is known: syslog has Postfix's standard names then.
    ///   - status: when the reason has no status of its own.
    public static func run(
        _ program: String, log: MailLog? = nil, status: Int32 = ExitStatus.fatal, _ body: () throws -> Int32
    ) -> Int32 {
        do {
            return try body()
        } catch let failure as CommandFailure {
            if let complaint = failure.complaint { try? ByteSinkError.write("\(program): \(complaint)\n") }
            (log ?? CommandLog.early(program: program, tag: "postfix/\(program)")).fatal(failure.message)
            return failure.status
        } catch {
            (log ?? CommandLog.early(program: program, tag: "postfix/\(program)")).fatal("\(error)")
            return status
        }
    }

    /// For commands that, as in Postfix, tell their user and never the log.
    public static func runQuietly(
        _ program: String, status: Int32 = ExitStatus.fatal, _ body: () throws -> Int32
    ) -> Int32 {
        run(program, log: MailLog(tag: program, sink: StandardErrorSink()), status: status, body)
    }
}
