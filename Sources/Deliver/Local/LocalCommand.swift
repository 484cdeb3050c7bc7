import Configuration
import InternalProtocol
import MailSyntax
import MailSystem
import Spool

/// A command of an alias, a .forward file, or mailbox_command.
struct LocalCommand: Sendable {
    let command: String
    /// Nil: nobody's rights are at hand.
    let identity: Spawn.Identity?
    let account: UserAccount?
    let recipient: DeliveryRecipient
    let request: DeliveryRequest
    let settings: LocalSettings

    /// Blocks.
    func run(_ file: QueuedFile, _ context: AgentContext) -> Verdict {
        guard let identity, identity.uid != 0 || !Privileges.isRoot else {
            context.log.warning("no unprivileged user for command: \(command)")
            return .configurationError
        }
        let words = arguments
        var spawn = Spawn(
            executable: CommandEnvironment.executable(words.first ?? ""), arguments: words,
            environment: CommandEnvironment.list(environment))
        if Privileges.isRoot { spawn.identity = identity }
        spawn.fileMask = 0o077
        let directory = context.parameters.raw("command_execution_directory") ?? ""
        if !directory.isEmpty {
            let values = UserValues(recipient, account: account, delimiters: settings.delimiters)
            spawn.workingDirectory = try? MacroText.expand(directory) { (name) throws(MacroError) in
                values[name].map { settings.filtered($0, by: "execution_directory_expansion_filter") }
            }
        }
        var prefix = MessagePrefix(fromLine: request.sender, returnPath: request.sender)
        prefix.originalRecipient = recipient.originalAddress.isEmpty ? recipient.address : recipient.originalAddress
        if settings.deliveredToFor.contains("command") { prefix.deliveredTo = recipient.address }
        var runner = CommandRunner(
            spawn: spawn, content: file.content(), seconds: context.parameters.seconds("command_time_limit"))
        runner.prefix = prefix.bytes(now: context.clock.now())
        var end = context.runCommand(runner)
        if case .notStarted(let step, let reason) = end.how {
            context.log.fatal("\(step): \(reason)")
            end.how = .notStarted(step: "local: fatal: \(step)", reason: reason)
        }
        if case .corruptMessage = end.how { file.markIfDamaged() }
        // What a successful command prints is nobody's business.
        if case .exited(0) = end.how { end.output = [] }
        return SystemExit.verdict(
            end, command: command, sent: "delivered to command: \(command)", action: "delivered")
    }

    /// Words for exec; through the shell when the command has characters or words that only a shell knows.
    private var arguments: [String] {
        let shell = settings.parameters["local_command_shell"]
        if !shell.isEmpty {
            return shell.split(separator: " ").map(String.init) + [command]
        }
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./,+@%:=- \t".utf8)
        let words = command.utf8.split { $0 == 0x20 || $0 == 0x09 }.map { String(decoding: $0, as: UTF8.self) }
        let first = words.first ?? ""
        let needsShell =
            words.isEmpty || !command.utf8.allSatisfy(plain.contains) || Self.builtins.contains(first)
            || first.contains("=")
        return needsShell ? ["/bin/sh", "-c", command] : words
    }

    private static let builtins: Set<String> = [
        ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "elif", "else", "esac",
        "eval", "exec", "exit", "export", "fg", "fi", "for", "getopts", "hash", "if", "jobs", "local", "newgrp", "read",
        "readonly", "return", "set", "shift", "then", "times", "trap", "type", "ulimit", "umask", "unalias", "unset",
        "until", "wait", "while",
    ]

    private var environment: [String: String] {
        let (local, domain) = EmailAddress.split(recipient.address)
        let (user, tail) = EmailAddress.splitExtension(ASCII.lowercased(local), delimiters: settings.delimiters)
        var values = [
            "USER": user, "LOGNAME": user, "LOCAL": local, "RECIPIENT": recipient.address, "SENDER": request.sender,
            "ORIGINAL_RECIPIENT": recipient.originalAddress, "CLIENT_ADDRESS": request.origin.clientAddress,
            "CLIENT_HELO": request.origin.heloName, "CLIENT_HOSTNAME": request.origin.clientName,
            "CLIENT_PROTOCOL": request.origin.protocolName, "SASL_METHOD": request.origin.saslMethod,
            "SASL_SENDER": request.origin.saslSender, "SASL_USERNAME": request.origin.saslUsername,
        ]
        values["DOMAIN"] = domain
        values["EXTENSION"] = tail
        values["HOME"] = account?.home
        values["SHELL"] = account?.shell
        let filtered = values.filter { !$0.value.isEmpty }
            .mapValues { settings.filtered($0, by: "command_expansion_filter") }
        return CommandEnvironment.variables(settings.parameters).merging(filtered) { $1 }
    }
}
