import CommandReference
import Configuration
import Glibc
import MailSyntax
import MailSystem
import Spool

/// postqueue(1): lists and flushes the queue. Set-gid, to reach the sockets in `public/`.
public enum Postqueue {
    private enum Mode {
        case list, json, flush
        case flushMessage(String)
        case flushSite(String)
    }

    private static let usageText =
        "usage: postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site"

    public static func main(_ arguments: [String]) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        return CommandRunner.run("postqueue") {
            var directory: String?
            var mode: Mode?
            var verbosity = 0
            var scanner = OptionScanner(arguments, options: CommandSynopsis.postqueue.letters, longFlags: ["json": "j"])
            while let item = scanner.next() {
                var chosen: Mode?
                switch item {
                case .value("c", let value): directory = value
                case .flag("f"): chosen = .flush
                case .flag("v"): verbosity += 1
                case .flag("j"): chosen = .json
                case .flag("p"): chosen = .list
                case .value("i", let value): chosen = .flushMessage(value)
                case .value("s", let value): chosen = .flushSite(value)
                case .error(let text):
                    throw CommandFailure(usageText, complaint: text, status: ExitStatus.unavailable)
                default: break
                }
                if let chosen {
                    guard mode == nil else { throw CommandFailure(usageText, status: ExitStatus.unavailable) }
                    mode = chosen
                }
            }
            guard scanner.operands.isEmpty else { throw CommandFailure(usageText, status: ExitStatus.unavailable) }
            // postqueue(1): what a set-gid program sees is for the super-user only.
            CommandTrace.begin("postqueue", level: getuid() == 0 ? verbosity : 0)
            let context: CommandContext
            do throws(CommandFailure) {
                context = try CommandContext(program: "postqueue", directory: directory)
            } catch {
                throw CommandFailure(error.message, status: ExitStatus.unavailable)
            }
            context.cleanEnvironment()
            return CommandRunner.run("postqueue", log: context.log) {
                guard let mode else { throw CommandFailure(usageText, status: ExitStatus.unavailable) }
                return try run(mode, context)
            }
        }
    }

    private static func run(_ mode: Mode, _ context: CommandContext) throws -> Int32 {
        try context.enterQueueDirectory()
        let parameters = context.parameters
        let user = CommandContext.callerName() ?? "unknown"
        func require(_ parameter: String, _ action: String) throws {
            guard try UserList(parameters.list(parameter)).contains(user) else {
                throw CommandFailure(
                    "User \(user)(\(getuid())) is not allowed to \(action)", status: ExitStatus.noPermission)
            }
        }
        switch mode {
        case .list, .json:
            try require("authorized_mailq_users", "view the mail queue")
            try list(mode, context)
        case .flush:
            try require("authorized_flush_users", "flush the mail queue")
            try flushAll(context)
        case .flushMessage(let id):
            try require("authorized_flush_users", "flush the mail queue")
            guard QueueID(id) != nil else {
                throw CommandFailure("Cannot flush queue ID - invalid name: \"\(id)\"", status: ExitStatus.unavailable)
            }
            let status = try FlushClient.request(
                [.init("request", "send_file"), .init("queue_id", id)], context: context)
            guard status == 0 else {
                throw CommandFailure("Cannot flush queue ID \(id)", status: ExitStatus.unavailable)
            }
        case .flushSite(let site):
            try require("authorized_flush_users", "flush the mail queue")
            try flushSite(site, context)
        }
        return ExitStatus.ok
    }

    private static func list(_ mode: Mode, _ context: CommandContext) throws {
        let service = "public/\(context.parameters["showq_service_name"])"
        let descriptor: CInt
        var child: pid_t = 0
        CommandTrace.tell("connect to \(service)")
        do {
            descriptor = try Listeners.connectUnix(path: service)
        } catch {
            guard error.errno != EACCES, error.errno != EPERM else {
                throw CommandFailure(
                    "Connect to the Postfix showq service: \(error.reason)", status: ExitStatus.software)
            }
            guard geteuid() == 0 else {
                throw CommandFailure(
                    "Queue report unavailable - mail system is down (Connect to the Postfix showq service: \(error.reason))",
                    status: ExitStatus.unavailable)
            }
            context.log.warning(
                "Mail system is down -- accessing queue directly (Connect to the Postfix showq service: \(error.reason))"
            )
            (descriptor, child) = try startShowq(context)
        }
        defer { Descriptors.close(descriptor) }
        let output = ByteSink()
        do {
            var reader = QueueListingReader(descriptor)
            if case .json = mode {
                var receiver = QueueListingJSON { try output.write($0) }
                try reader.read(to: &receiver)
            } else {
                LocalTime.prepare()
                var receiver = QueueListingText(longIDs: context.parameters.bool("enable_long_queue_ids")) {
                    try output.write($0)
                }
                try reader.read(to: &receiver)
            }
        } catch is QueueListingReader.Malformed {
            try output.flush()
            throw CommandFailure("malformed showq server response", status: ExitStatus.unavailable)
        }
        try output.flush()
        if child > 0 { _ = ProcessStatus.wait(for: child) }
    }

    /// Without the mail system, root lists the queue itself: through the daemon program, which reads the queue.
    private static func startShowq(_ context: CommandContext) throws -> (CInt, pid_t) {
        let (reading, writing) = try Descriptors.pipe()
        defer { Descriptors.close(writing) }
        let path = "\(context.parameters["daemon_directory"])/showq"
        do {
            let pid = try Spawn(
                executable: path, arguments: ["showq", "-u", "-S"], environment: context.importedEnvironment,
                descriptors: [0: 0, 1: writing, 2: 2]
            ).start()
            return (reading, pid)
        } catch {
            Descriptors.close(reading)
            throw CommandFailure("cannot run \(path): \(error.reason)", status: ExitStatus.unavailable)
        }
    }

    private static func flushAll(_ context: CommandContext) throws {
        // Retry dead destinations, ignore time stamps, look at incoming and deferred mail.
        let service = "public/\(context.parameters["queue_service_name"])"
        guard Trigger.trySend(service, Array("DFAI".utf8), context: context) else {
            throw CommandFailure("Cannot flush mail queue - mail system is down", status: ExitStatus.unavailable)
        }
        if geteuid() == 0 {
            _ = try? FlushClient.request([.init("request", "rfrsh")], context: context, quiet: true)
        }
    }

    private static func flushSite(_ site: String, _ context: CommandContext) throws {
        let isLiteral = site.hasPrefix("[")
        let valid = isLiteral ? IPAddress.literal(site) != nil : HostName.isValid(site)
        guard valid else {
            throw CommandFailure(
                "Cannot flush mail queue - invalid destination: \"\(site)\"", status: ExitStatus.unavailable)
        }
        func isNotConfigured() -> CommandFailure {
            CommandFailure(
                "Flush service is not configured for destination \"\(site)\"", status: ExitStatus.unavailable)
        }
        // Known without the service; whether a domain is one of them is the service's to say.
        if context.parameters.list("fast_flush_domains").isEmpty { throw isNotConfigured() }
        switch try FlushClient.request([.init("request", "send_site"), .init("site", site)], context: context) {
        case 0: return
        case 3:
            throw CommandFailure("Invalid request: \"\(site)\"", status: ExitStatus.unavailable)
        case 4: throw isNotConfigured()
        default:
            throw CommandFailure("Cannot flush mail queue - mail system is down", status: ExitStatus.unavailable)
        }
    }
}

/// Asks the flush service.
enum FlushClient {
    /// - Returns: the status of the reply (0 ok, 3 bad request, 4 not eligible), -1 when there is none.
    static func request(
        _ attributes: [AttributeCodec.Attribute], context: CommandContext, quiet: Bool = false
    ) throws -> Int {
        let path = "public/\(context.parameters["flush_service_name"])"
        let descriptor: CInt
        let shown = attributes.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        CommandTrace.tell("connect to \(path), send \(shown)")
        do {
            descriptor = try Listeners.connectUnix(path: path)
        } catch {
            if quiet { return -1 }
            context.log.warning("connect to \(path): \(error.reason)")
            throw CommandFailure("Cannot flush mail queue - mail system is down", status: ExitStatus.unavailable)
        }
        defer { Descriptors.close(descriptor) }
        try Descriptors.writeAll(AttributeCodec.encode(attributes, as: .null), to: descriptor)
        var bytes: [UInt8] = []
        while true {
            guard Descriptors.waitReadable(descriptor, milliseconds: 100_000) else { return -1 }
            let more = try Descriptors.read(descriptor, count: 4096)
            if more.isEmpty { return -1 }
            bytes += more
            // The greeting comes first.
            while case .complete(let list, let consumed) = AttributeCodec.decode(bytes, as: .null) {
                if let status = list.first(where: { $0.name == "status" }) {
                    CommandTrace.tell("\(path): status \(status.value)")
                    return Int(status.value) ?? -1
                }
                bytes.removeFirst(consumed)
            }
            if bytes.count > 1 << 16 { return -1 }
        }
    }
}
