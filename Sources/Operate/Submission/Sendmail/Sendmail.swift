import Configuration
import Glibc
import MailSyntax
import MailSystem
import Spool

/// sendmail(1), mailq(1), newaliases(1): the commands that other programs know.
public enum Sendmail {
    /// - Parameter program: `sendmail`, `mailq` or `newaliases`.
    public static func main(_ arguments: [String], program: String = "sendmail") -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        // Sendmail's own options have no long names.
        let json = program == "mailq" && arguments.contains("--json")
        let arguments = json ? arguments.filter { $0 != "--json" } : arguments
        return CommandRunner.run(program, log: CommandLog.early(program: program, tag: "postfix/sendmail")) {
            let parsed: Result<SendmailOptions, CommandFailure>
            do throws(CommandFailure) {
                parsed = .success(try SendmailOptions(program: program, arguments: arguments))
            } catch {
                parsed = .failure(error)
            }
            // Postfix looks for -C, reads main.cf, and looks at the other options then: getopt complains twice.
            if case .failure(let failure) = parsed, let complaint = failure.complaint {
                try ByteSinkError.write("\(program): \(complaint)\n")
            }
            // One -v asks for a delivery report, sendmail(1).
            CommandTrace.begin(program, level: ((try? parsed.get())?.verbosity ?? 0) - 1)
            let context: CommandContext
            do throws(CommandFailure) {
                context = try CommandContext(
                    program: "sendmail", calledAs: program,
                    directory: SendmailOptions.configuration(in: arguments).map(configurationDirectory))
            } catch {
                throw CommandFailure(error.message, status: ExitStatus.temporary)
            }
            let log = context.log
            let named = CommandContext(program: program, parameters: context.parameters, log: log)
            return CommandRunner.run(program, log: log) {
                let options = try parsed.get()
                for warning in options.warnings { log.warning(warning) }
                for note in options.notes { log.info(note) }
                return try run(options, named, json: json)
            }
        }
    }

    /// `-C` takes main.cf or its directory.
    private static func configurationDirectory(_ path: String) -> String {
        guard path.hasSuffix("/main.cf") else { return path }
        let directory = String(path.dropLast("/main.cf".utf8.count))
        return directory.isEmpty ? "/" : directory
    }

    private static func run(_ options: SendmailOptions, _ context: CommandContext, json: Bool) throws -> Int32 {
        let commands = context.parameters["command_directory"]
        func command(_ name: String, _ arguments: [String]) throws -> Never {
            try context.execute("\(commands)/\(name)", [name] + arguments, status: ExitStatus.system)
        }
        switch options.mode {
        case .ignore: return ExitStatus.ok
        case .listQueue: try command("postqueue", [json ? "-j" : "-p"])
        case .flush: try command("postqueue", ["-f"])
        case .flushMessage(let id): try command("postqueue", ["-i", id])
        case .flushSite(let site): try command("postqueue", ["-s", site])
        case .daemon:
            // In the background: what comes of it is in the log.
            context.cleanEnvironment()
            _ = try Spawn(
                executable: "\(commands)/postfix", arguments: ["postfix", "start"],
                environment: context.importedEnvironment, descriptors: [0: 0, 1: 1, 2: 2]
            ).start()
            return ExitStatus.ok
        case .newAliases:
            let databases =
                options.aliasDatabases.isEmpty ? context.parameters.list("alias_database") : options.aliasDatabases
            if databases.isEmpty { return ExitStatus.ok }
            try command("postalias", ["--"] + databases)
        case .standAlone:
            try context.execute(
                "\(context.parameters["daemon_directory"])/smtpd", ["smtpd", "-S"], status: ExitStatus.system)
        case .deliver, .verify: return try submit(options, context)
        }
    }

    private static func submit(_ options: SendmailOptions, _ context: CommandContext) throws -> Int32 {
        let parameters = context.parameters
        let account = try? Users.lookup(uid: getuid())
        let envelope = try envelope(options, account: account, context: context)
        let user = account?.name ?? "unknown"
        func fail(_ text: String, _ status: Int32 = ExitStatus.temporary) -> CommandFailure {
            CommandFailure("\(user)(\(getuid())): \(text)", status: status)
        }
        if envelope.recipients.isEmpty, !options.extractRecipients {
            throw fail("Recipient addresses must be specified on the command line or via the -t option")
        }
        let endings: SubmissionRecords.LineEndings =
            switch parameters["sendmail_fix_line_endings"] {
            case "never": .never
            case "strict": .strict
            default: .always
            }
        let limits = SubmissionRecords.Limits(
            line: max(1, parameters.int("line_length_limit")), header: max(1, parameters.int("header_size_limit")),
            message: parameters.int("message_size_limit"), lineEndings: endings)
        CommandTrace.tell("from <\(envelope.sender)>, \(envelope.recipients.count) recipients on the command line")
        let postdrop = try PostdropClient(context)
        CommandTrace.tell("queue id \(postdrop.queueID)")
        var records = SubmissionRecords(envelope: envelope, limits: limits) { try postdrop.write($0) }
        do {
            try records.writeEnvelope()
            if options.mode == .verify {
                try records.writeProbe()
            } else {
                var source = ByteSource(STDIN_FILENO)
                guard
                    try records.writeContent(&source, dotEnds: options.dotEnds, extract: options.extractRecipients)
                else {
                    postdrop.cancel()
                    throw fail("No recipient addresses found in message header")
                }
            }
        } catch let failure as CommandFailure {
            postdrop.cancel()
            throw failure.message.hasPrefix(user) ? failure : fail(failure.message, failure.status)
        } catch let error as SystemError {
            // Postdrop stopped reading: it has said why.
            _ = try? postdrop.finish()
            throw fail("unable to submit the message: \(error.reason)")
        }
        guard let (status, reason) = try postdrop.finish() else {
            throw fail("unable to submit the message")
        }
        if status != 0 { throw fail(reason.isEmpty ? "queue file write error" : reason) }
        if options.mode == .verify || options.verbosity == 1 {
            try ByteSinkError.writeOutput("Mail Delivery Status Report will be mailed to <\(envelope.sender)>.\n")
        }
        return ExitStatus.ok
    }

    private static func envelope(
        _ options: SendmailOptions, account: UserAccount?, context: CommandContext
    ) throws -> SubmissionRecords.Envelope {
        var sender: String
        if let given = options.sender {
            let addresses = given.isEmpty || given == "<>" ? [] : AddressListParser.addresses(given.utf8)
            sender = addresses.first ?? ""
            if addresses.count > 1 { context.log.warning("-f option specified malformed sender: \(given)") }
        } else {
            guard let account else {
                throw CommandFailure("unable to find local user name for uid \(getuid())", status: ExitStatus.temporary)
            }
            sender = account.name
        }
        sender = String(decoding: sender.utf8.filter { $0 >= 0x20 && $0 != 0x7f }, as: UTF8.self)
        var envelope = SubmissionRecords.Envelope(sender: sender, recipients: [])
        envelope.fullName =
            options.fullName ?? CommandContext.environment("NAME") ?? account.map(fullName)
        envelope.fullName = envelope.fullName.map {
            String(decoding: $0.utf8.filter { $0 >= 0x20 && $0 != 0x7f }, as: UTF8.self)
        }
        for operand in options.recipients {
            envelope.recipients += AddressListParser.addresses(operand.utf8).filter { !$0.isEmpty }
        }
        envelope.encoding = options.encoding
        envelope.notify = options.notify
        envelope.returnContent = options.returnContent
        envelope.envelopeID = options.envelopeID
        envelope.remoteRewriting = options.remoteRewriting
        envelope.traceFlags = options.mode == .verify ? 512 : options.verbosity == 1 ? 1024 : 0
        if options.smtputf8 { envelope.sendOptions.insert(.smtputf8Requested) }
        if options.requireTLS { envelope.sendOptions.insert(.requireTLS) }
        if let verp = options.verp {
            if sender.isEmpty {
                throw CommandFailure(
                    "(\(getuid())): -V option requires non-null sender address", status: ExitStatus.temporary)
            }
            let delimiters = verp.isEmpty ? context.parameters["default_verp_delimiters"] : verp
            let allowed = context.parameters["verp_delimiter_filter"]
            guard delimiters.utf8.count == 2, delimiters.allSatisfy({ allowed.contains($0) }) else {
                throw CommandFailure("-V requires two characters from \(allowed)", status: ExitStatus.temporary)
            }
            envelope.verp = delimiters
        }
        return envelope
    }

    /// The first part of the comment field of the user database, `&` being the login name.
    static func fullName(_ account: UserAccount) -> String {
        let first =
            account.fullName.split(separator: ",", omittingEmptySubsequences: false).first.map(String.init) ?? ""
        guard first.contains("&") else { return first }
        let name = account.name.prefix(1).uppercased() + account.name.dropFirst()
        return first.split(separator: "&", omittingEmptySubsequences: false).joined(separator: name)
    }
}

extension ByteSinkError {
    static func writeOutput(_ text: String) throws(SystemError) {
        try Descriptors.writeAll(Array(text.utf8), to: STDOUT_FILENO)
    }
}
