import Administration
import Configuration
import Glibc
import MailSystem
import Operate
import Submission

/// The interface of Postfix's post-install: `postfix post-install [name=value] command...`, which
/// `postfix set-permissions` and `postfix upgrade-configuration` are short for.
struct PostInstall {
    let directory: String
    let log: MailLog

    private static let commands = [
        "create-missing", "set-permissions", "upgrade-permissions", "upgrade-source", "upgrade-package",
        "upgrade-configuration", "first-install-reminder",
    ]

    /// Installation parameters that `name=value` may change; they are kept in main.cf. Others are ignored.
    private static let settings = [
        "command_directory", "daemon_directory", "data_directory", "html_directory", "mail_owner", "mailq_path",
        "manpage_directory", "meta_directory", "newaliases_path", "queue_directory", "readme_directory",
        "sample_directory", "sendmail_path", "setgid_group", "shlib_directory",
    ]

    private static let usage = """
        post-install: Error: Usage: post-install [name=value] command
            create-missing          Create missing queue directories.
            upgrade-source          When installing or upgrading from source code.
            upgrade-package         When installing or upgrading from pre-built package.
            first-install-reminder  Remind of mandatory first-time configuration steps.
            name=value              Specify an installation parameter.

        """

    /// - Returns: exit status.
    func run(_ arguments: [String]) throws -> Int32 {
        var commands: [String] = []
        var values: [(name: String, value: String)] = []
        for argument in arguments {
            if let equals = argument.firstIndex(of: "=") {
                values.append((String(argument[..<equals]), String(argument[argument.index(after: equals)...])))
            } else if Self.commands.contains(argument) {
                commands.append(argument)
            } else {
                return try refuse()
            }
        }
        if commands.isEmpty { return try refuse() }
        try set(values)
        let parameters = try Parameters.load(directory: directory, processName: "postfix")
        for command in commands {
            if try run(command, parameters) != 0 { return 1 }
        }
        return 0
    }

    private func refuse() throws -> Int32 {
        try Descriptors.writeAll(Array(Self.usage.utf8), to: STDERR_FILENO)
        return 1
    }

    private func set(_ values: [(name: String, value: String)]) throws {
        let parameters = try Parameters.load(directory: directory, processName: "postfix")
        let changed = values.filter { Self.settings.contains($0.name) && parameters[$0.name] != $0.value }
        for (name, value) in changed {
            if name == "mail_owner", try Users.lookup(name: value) == nil {
                throw ConfigurationError("mail_owner: unknown user name value: \(value)")
            }
            if name == "setgid_group", try Users.group(name: value) == nil {
                throw ConfigurationError("setgid_group: unknown group name: \(value)")
            }
        }
        if !changed.isEmpty { try MainFileEdit.set("\(directory)/main.cf", changed) }
    }

    private func run(_ command: String, _ parameters: Parameters) throws -> Int32 {
        switch command {
        case "create-missing": try QueueTree(parameters).makeMissing()
        case "set-permissions", "upgrade-permissions": return try setPermissions(parameters)
        case "upgrade-configuration": try upgrade(parameters)
        case "upgrade-source", "upgrade-package":
            if try setPermissions(parameters) != 0 { return 1 }
            try upgrade(parameters)
        case "first-install-reminder": try remind(parameters)
        default: break
        }
        return 0
    }

    private func setPermissions(_ parameters: Parameters) throws -> Int32 {
        guard Privileges.isRoot else {
            log.fatal("set-permissions is for the superuser")
            return 1
        }
        let installation = Installation(parameters: parameters)
        try installation.makeAccounts(log)
        try QueueTree(parameters).setPermissions()
        // What instances share is the primary one's.
        if !isSecondary { try installation.setCommandPermissions() }
        return 0
    }

    private var isSecondary: Bool {
        let primary = try? Parameters.load(directory: CommandContext.standardDirectory, processName: "postfix")
        return primary?.list("multi_instance_directories").contains(directory) ?? false
    }

    private func upgrade(_ parameters: Parameters) throws {
        var output = ""
        try ConfigurationUpgrade(parameters: parameters) { output += $0 + "\n" }.run()
        try Descriptors.writeAll(Array(output.utf8), to: STDOUT_FILENO)
    }

    private func remind(_ parameters: Parameters) throws {
        var text = ""
        if !["myorigin", "mydestination", "mynetworks"].contains(where: parameters.isSet) {
            text += """

                    Warning: you still need to edit myorigin/mydestination/mynetworks
                    parameter settings in \(directory)/main.cf.

                """
        }
        let aliases = parameters["alias_database"].drop { $0 != ":" }.dropFirst()
        text += """

                Check your \(aliases.isEmpty ? "/etc/aliases" : aliases) file and be sure to set up aliases
                that send mail for root and postmaster to a real person, then run
                \(parameters["newaliases_path"]).


            """
        try Descriptors.writeAll(Array(text.utf8), to: STDOUT_FILENO)
    }
}
