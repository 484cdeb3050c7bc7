import Configuration
import InternalProtocol
import MailSystem
import Runtime
import Spool

/// Delivers to a command: pipe(8).
struct PipeAgent: DeliveryAgent {
    let context: AgentContext
    private let attributes: Result<PipeAttributes, ConfigurationError>
    private let mailOwner: String
    private let environment: [String]

    init(_ context: AgentContext) {
        self.context = context
        let arguments = context.service.arguments
        attributes = Result { () throws(ConfigurationError) in try PipeAttributes(arguments) }
        mailOwner = context.parameters["mail_owner"]
        environment = CommandEnvironment.list(CommandEnvironment.variables(context.parameters))
    }

    func deliver(_ request: DeliveryRequest) async -> DeliveryReport {
        let reporter = DeliveryReporter(request, relay: request.service, agent: context)
        return await context.pool.run { deliver(request, reporter) }
    }

    /// Blocks.
    private func deliver(_ request: DeliveryRequest, _ reporter: DeliveryReporter) -> DeliveryReport {
        let attributes: PipeAttributes
        let identity: Spawn.Identity
        do throws(ConfigurationError) {
            attributes = try self.attributes.get()
            identity = try attributes.identity(mailOwner: owner, users: context.users)
        } catch {
            context.log.fatal(error.description)
            var verdict = Verdict.deferred("4.3.0", "unknown mail transport error")
            verdict.isAgentFailure = true
            return reporter.all(verdict, file: nil)
        }
        let file: QueuedFile
        do {
            file = try context.queue.open(request)
        } catch {
            context.log.warning("\(request.queueID): \(error)")
            return reporter.all(.deferred("4.3.0", "queue file access error: \(error)"), file: nil)
        }
        defer { file.file.close() }
        if attributes.sizeLimit > 0, request.contentLength > attributes.sizeLimit {
            return reporter.all(.bounced("5.2.3", "message too large"), file: file)
        }
        do throws(QueueFileError) {
            if attributes.flags.contains("D"), let looping = try looping(request, file) {
                return reporter.all(.bounced("5.4.6", "mail forwarding loop for \(looping)"), file: file)
            }
            return try run(request, reporter, attributes, identity, file)
        } catch {
            context.log.warning("\(request.queueID): \(error)")
            file.markIfDamaged()
            return reporter.all(.deferred("4.3.0", "queue file read error"), file: nil)
        }
    }

    private var owner: UInt32 { ((try? context.users.lookup(name: mailOwner)) ?? nil)?.uid ?? UInt32.max }

    /// The D flag also stops mail that has been at this recipient before.
    private func looping(_ request: DeliveryRequest, _ file: QueuedFile) throws(QueueFileError) -> String? {
        let seen = try DeliveredTo.addresses(in: file.content())
        return request.recipients.first { seen.contains(DeliveredTo.fold($0.address)) }?.address
    }

    private func run(
        _ request: DeliveryRequest, _ reporter: DeliveryReporter, _ attributes: PipeAttributes,
        _ identity: Spawn.Identity, _ file: QueuedFile
    ) throws(QueueFileError) -> DeliveryReport {
        let arguments: [String]
        do throws(MacroError) {
            let expanded = try PipeArguments(
                attributes: attributes, request: request, delimiters: context.parameters["recipient_delimiter"]
            ).expand()
            for name in expanded.unknown {
                context.log.warning("\(context.service.name): unknown macro name \"\(name)\" in argv=")
            }
            arguments = expanded.arguments
        } catch {
            context.log.fatal("\(context.service.name): \(error)")
            return reporter.all(.configurationError, file: file)
        }
        let program = arguments.first ?? ""
        if reporter.isProbe { return reporter.all(.sent("delivers to command: \(program)"), file: file) }

        var spawn = Spawn(
            executable: CommandEnvironment.executable(program, chroot: attributes.chroot), arguments: arguments,
            environment: environment)
        if Privileges.isRoot { spawn.identity = identity }
        spawn.chroot = attributes.chroot
        spawn.workingDirectory = attributes.directory
        spawn.fileMask = 0o077
        var runner = CommandRunner(
            spawn: spawn, content: file.content(),
            seconds: context.parameters.transportSeconds(context.service.name, "_time_limit"))
        runner.prefix = prefix(request, attributes)
        runner.transformer = LineTransformer(
            quotesFrom: attributes.flags.contains(">"), doublesDots: attributes.flags.contains("."),
            eol: attributes.eol)
        if attributes.flags.contains("B") { runner.suffix = attributes.eol }
        let end = context.runCommand(runner)
        if case .corruptMessage = end.how { throw .corrupt(reason: "unreadable content", offset: file.dataOffset) }
        if case .timedOut = end.how { context.log.warning("pipe_command_read: read time limit exceeded") }
        if case .notStarted(let step, let reason) = end.how { context.log.fatal("pipe_command: \(step): \(reason)") }
        let verdict = SystemExit.verdict(
            Self.named(end), command: program, sent: "delivered via \(request.service) service",
            action: attributes.flags.contains("X") ? "delivered" : "relayed")
        return reporter.all(verdict, file: file)
    }

    /// The command's place for a failed start, as Postfix's child prints it.
    private static func named(_ end: CommandEnd) -> CommandEnd {
        guard case .notStarted(let step, let reason) = end.how else { return end }
        return CommandEnd(how: .notStarted(step: "pipe: fatal: pipe_command: \(step)", reason: reason))
    }

    private func prefix(_ request: DeliveryRequest, _ attributes: PipeAttributes) -> [UInt8] {
        let sender = request.sender.isEmpty ? attributes.nullSender : request.sender
        let first = request.recipients.first
        var prefix = MessagePrefix()
        if attributes.flags.contains("F") { prefix.fromLine = sender }
        if attributes.flags.contains("R") { prefix.returnPath = sender }
        if attributes.flags.contains("O"), let first {
            prefix.originalRecipient = first.originalAddress.isEmpty ? first.address : first.originalAddress
        }
        if attributes.flags.contains("D") { prefix.deliveredTo = first?.address }
        return prefix.bytes(now: context.clock.now(), eol: attributes.eol)
    }
}
