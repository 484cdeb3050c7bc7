import Configuration
import Glibc
import MailSystem
import Submission

/// `postmulti -l`, `-p` and `-x`: the same for each of some instances.
struct InstanceIteration {
    let parameters: Parameters
    let instances: InstanceList
    let options: PostmultiOptions
    let log: MailLog

    /// - Returns: exit status: 0 when every command had 0.
    func run() throws -> Int32 {
        var chosen = instances.selected(options.selection ?? .all)
        if options.mode == .list {
            if options.reversed { chosen.reverse() }
            let text = chosen.map { (options.json ? $0.json : $0.line) + "\n" }.joined()
            try Descriptors.writeAll(Array(text.utf8), to: STDOUT_FILENO)
            return 0
        }
        if chosen.isEmpty { throw CommandFailure("No matching instances") }
        if options.reversed || (options.mode == .postfix && kind == .stop) { chosen.reverse() }
        var status: Int32 = 0
        var isIdle = true
        for instance in chosen {
            guard let result = options.mode == .postfix ? try postfix(instance) : try program(instance) else {
                continue
            }
            isIdle = false
            if result != 0 { status = 1 }
        }
        if isIdle { throw CommandFailure("No matching instances") }
        return status
    }

    // MARK: -p

    /// How a command of postfix(1) treats instances that are not enabled.
    private enum Kind { case start, stop, control, other }

    private var kind: Kind {
        let command = options.operands.first ?? ""
        if parameters.list("postmulti_start_commands").contains(command) { return .start }
        if parameters.list("postmulti_stop_commands").contains(command) { return .stop }
        if parameters.list("postmulti_control_commands").contains(command) { return .control }
        return .other
    }

    /// - Returns: nil when the command is not for this instance.
    private func postfix(_ instance: Instance) throws -> Int32? {
        var arguments = options.operands
        if !instance.isEnabled {
            switch kind {
            // What is wrong with an instance is said although it does not start.
            case .start: arguments = ["check"]
            case .stop, .control: return nil
            case .other: break
            }
        }
        let command = parameters["command_directory"] + "/postfix"
        // The same program under another name, where it is installed elsewhere.
        let executable = Files.isExecutable(command) ? command : Files.ownExecutable ?? command
        return try run(executable, ["postfix"] + arguments, instance)
    }

    // MARK: -x

    private func program(_ instance: Instance) throws -> Int32? {
        let name = options.operands.first ?? ""
        let candidates =
            name.contains("/") ? [name] : searchPath.split(separator: ":").map { "\($0)/\(name)" }
        guard let path = candidates.first(where: Files.isExecutable) else {
            let reason = String(cString: strerror(name.contains("/") && Files.exists(name) ? EACCES : ENOENT))
            log.fatal("execvp \(name): \(reason)")
            return 1
        }
        return try run(path, options.operands, instance)
    }

    private var searchPath: String {
        "\(parameters["command_directory"]):\(CommandContext.environment("PATH") ?? "/usr/bin:/bin")"
    }

    private func run(_ executable: String, _ arguments: [String], _ instance: Instance) throws -> Int32 {
        CommandTrace.tell(
            "\(instance.name.isEmpty ? "-" : instance.name) (\(instance.configDirectory)): \(arguments.joined(separator: " "))"
        )
        var spawn = Spawn(
            executable: executable, arguments: arguments, environment: environment(instance),
            descriptors: [0: STDIN_FILENO, 1: STDOUT_FILENO, 2: STDERR_FILENO])
        spawn.group = .inherited
        guard case .exited(let code) = ProcessStatus.wait(for: try spawn.start()) else { return 1 }
        return Int32(clamping: code)
    }

    private func environment(_ instance: Instance) -> [String] {
        let own = [
            ("PATH", searchPath), ("MAIL_CONFIG", instance.configDirectory),
            ("command_directory", parameters["command_directory"]),
            ("daemon_directory", parameters["daemon_directory"]), ("config_directory", instance.configDirectory),
            ("queue_directory", instance.queueDirectory), ("data_directory", instance.dataDirectory),
            ("multi_instance_name", instance.name), ("multi_instance_group", instance.group),
            ("multi_instance_enable", instance.isEnabled ? "yes" : "no"),
            // The name before the program's in the log: of the instance that postmulti itself belongs to.
            ("MAIL_LOGTAG", parameters["syslog_name"]),
        ]
        let names = Set(own.map(\.0))
        let inherited = ProcessEnvironment.all.filter { entry in
            !names.contains(String(entry.prefix { $0 != "=" }))
        }
        return inherited + own.map { "\($0)=\($1)" }
    }
}
