import Configuration
import Glibc
import MailSystem
import Submission

/// postmulti(1): several Postfix instances on one host.
public enum PostmultiCommand {
    static let program = "postmulti"

    /// - Parameter arguments: without argv[0].
    /// - Returns: exit status.
    public static func main(_ arguments: [String]) -> Int32 {
        umask(0o022)
        // As in Postfix, only a person at a terminal is told: what runs from cron and at boot has the log.
        let isTerminal = CommandLog.hasTerminal
        // In the mail log the name stands alone, as Postfix has it.
        var log = CommandLog.alone(program, parameters: nil, standardError: isTerminal)
        do {
            let options = try PostmultiOptions(arguments) { complaint in
                StandardErrorSink().write(LogRecord(tag: program, severity: .info, text: complaint))
            }
            let directory = CommandContext.environment("MAIL_CONFIG") ?? CommandContext.standardDirectory
            let parameters = try Parameters.load(directory: directory, processName: program)
            log = CommandLog.alone(program, parameters: parameters, standardError: isTerminal)
            guard directory == CommandContext.standardDirectory else {
                throw CommandFailure("Non-default configuration directory: MAIL_CONFIG=\(directory)")
            }
            CommandTrace.begin(program, level: options.verbosity)
            if options.verbosity > 0 { setenv("MAIL_VERBOSE", "", 1) }
            let instances = try load(parameters, log)
            let lifeCycle = InstanceLifeCycle(
                parameters: parameters, instances: instances, log: log,
                script: CommandLog.make(
                    tag: "postmulti-script", parameters: parameters, standardError: isTerminal))
            if case .edit(let edit) = options.mode {
                try lifeCycle.run(edit, options)
                return 0
            }
            return try InstanceIteration(parameters: parameters, instances: instances, options: options, log: log).run()
        } catch let failure as CommandFailure {
            if !failure.message.isEmpty { log.fatal(failure.message) }
            return failure.status
        } catch {
            log.fatal("\(error)")
            return 1
        }
    }

    private static func load(_ primary: Parameters, _ log: MailLog) throws(CommandFailure) -> InstanceList {
        var secondaries: [Instance] = []
        for directory in primary.list("multi_instance_directories") {
            secondaries.append(try instance(directory, log))
        }
        var first = Instance(primary)
        // Before `-e init`, the one instance there is counts as enabled.
        if primary["multi_instance_wrapper"].isEmpty { first.isEnabled = true }
        return InstanceList(primary: first, secondaries: secondaries)
    }

    static func instance(_ directory: String, _ log: MailLog) throws(CommandFailure) -> Instance {
        do {
            return Instance(try Parameters.load(directory: directory, processName: program))
        } catch {
            log.error(error.description)
            throw CommandFailure("Failed to obtain all required \(directory)/main.cf parameters")
        }
    }
}
