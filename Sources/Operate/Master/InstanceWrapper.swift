import Configuration
import Glibc
import MailSystem

/// multi_instance_wrapper: the manager that a `postfix` without `-c` hands its command to: postfix-wrapper(5).
struct InstanceWrapper {
    private let command: [String]
    private let parameters: Parameters

    /// Nil when this host has one instance.
    init?(_ parameters: Parameters) {
        command = parameters.list("multi_instance_wrapper")
        self.parameters = parameters
        if command.isEmpty || parameters.list("multi_instance_directories").isEmpty { return nil }
    }

    /// - Returns: exit status of the manager.
    func run(_ arguments: [String], verbose: Int, log: MailLog) -> Int32 {
        if arguments.first == "start-fg" {
            log.fatal("start-fg does not support multi_instance_directories")
            return 1
        }
        for name in [
            "command_directory", "daemon_directory", "config_directory", "queue_directory", "mail_owner",
            "setgid_group",
        ] {
            setenv(name, parameters[name], 1)
        }
        if verbose > 0 { setenv("MAIL_VERBOSE", String(repeating: "v", count: verbose), 1) }
        do {
            var spawn = Spawn(
                executable: try executable(), arguments: command + arguments,
                environment: ProcessEnvironment.all,
                descriptors: [0: STDIN_FILENO, 1: STDOUT_FILENO, 2: STDERR_FILENO])
            spawn.group = .inherited
            guard case .exited(let code) = ProcessStatus.wait(for: try spawn.start()) else { return 1 }
            return Int32(clamping: code)
        } catch {
            log.fatal("\(error)")
            return 1
        }
    }

    /// The manager's path; where the programs are installed elsewhere, our own program does for postmulti.
    private func executable() throws(ConfigurationError) -> String {
        let path = command.first ?? ""
        if Files.isExecutable(path) { return path }
        if path.hasSuffix("/postmulti"), let own = Files.ownExecutable { return own }
        throw ConfigurationError("multi_instance_wrapper: cannot execute \(path)")
    }
}
