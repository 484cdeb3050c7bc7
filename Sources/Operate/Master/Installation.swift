import Configuration
import Glibc
import MailSystem

/// Users, groups, and the set-gid commands: `postfix set-permissions`.
struct Installation {
    let parameters: Parameters

    /// Makes mail_owner, its group and setgid_group where they are missing, with the system's own tools.
    func makeAccounts(_ log: MailLog) throws {
        let owner = parameters["mail_owner"]
        let group = parameters["setgid_group"]
        if try Users.group(name: group) == nil { try run("groupadd", ["--system", group], log) }
        if try Users.lookup(name: owner) == nil {
            if try Users.group(name: owner) == nil { try run("groupadd", ["--system", owner], log) }
            try run(
                "useradd",
                [
                    "--system", "--gid", owner, "--home-dir", parameters["queue_directory"], "--no-create-home",
                    "--shell", "/usr/sbin/nologin", owner,
                ], log)
        }
    }

    private func run(_ program: String, _ arguments: [String], _ log: MailLog) throws {
        guard let path = ["/usr/sbin/", "/sbin/"].map({ $0 + program }).first(where: Files.isExecutable) else {
            throw ConfigurationError("cannot find \(program)")
        }
        log.info("\(program) \(arguments.joined(separator: " "))")
        let spawn = Spawn(
            executable: path, arguments: [program] + arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            descriptors: [1: STDOUT_FILENO, 2: STDERR_FILENO])
        let pid = try spawn.start()
        guard case .exited(0) = ProcessStatus.wait(for: pid) else {
            throw ConfigurationError("\(program) failed")
        }
    }

    /// postdrop, postqueue and postlog run with setgid_group's rights.
    private var groupCommands: [String] {
        ["postdrop", "postqueue", "postlog"].map { "\(parameters["command_directory"])/\($0)" }
            .filter { Files.linkStatus($0)?.isRegularFile == true && isSeparateProgram($0) }
    }

    /// A link to the multi-call program must not become set-gid: it would carry every command with it.
    private func isSeparateProgram(_ path: String) -> Bool {
        guard let own = Files.ownExecutable, let mine = Files.status(own), let its = Files.status(path) else {
            return false
        }
        return mine.inode != its.inode || mine.device != its.device
    }

    func setCommandPermissions() throws(SystemError) {
        guard let gid = try Users.group(name: parameters["setgid_group"]) else { return }
        for path in groupCommands {
            // chown takes the set-gid bit away: mode last.
            if chown(path, 0, gid) != 0 { throw SystemError("change owner of", path: path) }
            if chmod(path, 0o2755) != 0 { throw SystemError("change mode of", path: path) }
        }
    }

    /// What `postfix check` warns of.
    func problems() -> [String] {
        var found: [String] = []
        for name in ["main.cf", "master.cf"] {
            let path = "\(parameters.directory)/\(name)"
            if let status = Files.status(path), status.mode & 0o022 != 0 {
                found.append("group or other writable: \(path)")
            }
        }
        guard Privileges.isRoot, let gid = (try? Users.group(name: parameters["setgid_group"])) ?? nil else {
            return found
        }
        for path in groupCommands {
            guard let status = Files.status(path) else { continue }
            if status.group != gid { found.append("not owned by group \(parameters["setgid_group"]): \(path)") }
            if status.mode & 0o2111 != 0o2111 {
                found.append("not set-gid or not owner+group+world executable: \(path)")
            }
        }
        return found
    }
}
