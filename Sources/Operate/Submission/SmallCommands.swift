import CommandReference
import Configuration
import Glibc
import MailSystem

/// postkick(1): sends a request to a service.
public enum Postkick {
    private static let usage = "usage: postkick [-c config_dir] [-v] class service request"

    public static func main(_ arguments: [String]) -> Int32 {
        CommandRunner.runQuietly("postkick") {
            var directory: String?
            var verbosity = 0
            var scanner = OptionScanner(arguments, options: CommandSynopsis.postkick.letters)
            while let item = scanner.next() {
                if case .value("c", let value) = item { directory = value }
                if case .flag("v") = item { verbosity += 1 }
                if case .error(let text) = item { throw CommandFailure(usage, complaint: text) }
            }
            let operands = scanner.operands
            guard operands.count == 3 else { throw CommandFailure(usage) }
            CommandTrace.begin("postkick", level: verbosity)
            let context = try CommandContext(program: "postkick", directory: directory, isLogged: false)
            try context.enterQueueDirectory()
            do throws(SystemError) {
                try Trigger.send(
                    "\(operands[0])/\(operands[1])", Array(operands[2].utf8),
                    timeout: context.parameters.seconds("application_event_drain_time"))
            } catch {
                let path = "\(operands[0])/\(operands[1])"
                context.log.warning(
                    error.errno == ENOENT
                        ? "unable to look up \(path): \(error.reason)" : "connect to \(path): \(error.reason)")
                context.log.warning(
                    "Cannot contact class \(operands[0]) service \(operands[1]) - perhaps the mail system is down")
                return ExitStatus.fatal
            }
            return ExitStatus.ok
        }
    }
}

/// postlog(1): logs from scripts.
public enum Postlog {
    private static let usage = "usage: postlog [-c config_dir] [-i] [-p priority] [-t tag] [-v] [text]"

    public static func main(_ arguments: [String]) -> Int32 {
        let early = CommandLog.early(
            program: "postlog", tag: "postfix/postlog", standardError: CommandLog.hasTerminal)
        return CommandRunner.run("postlog", log: early) {
            var directory: String?
            var tag = "postlog"
            var severity = LogSeverity.info
            var hasTag = false
            var scanner = OptionScanner(arguments, options: CommandSynopsis.postlog.letters)
            while let item = scanner.next() {
                switch item {
                case .value("c", let value): directory = value
                case .value("t", let value):
                    tag = value
                    hasTag = true
                case .value("p", let value):
                    switch value {
                    case "info": severity = .info
                    case "warn": severity = .warning
                    case "error": severity = .error
                    case "fatal": severity = .fatal
                    case "panic": severity = .panic
                    default: throw CommandFailure("bad severity: \"\(value)\"")
                    }
                case .error(let text): throw CommandFailure(usage, complaint: text)
                default: break
                }
            }
            let context = try CommandContext(
                program: "postlog", directory: directory, standardError: CommandLog.hasTerminal)
            let name = context.parameters["syslog_name"]
            let sinks = LogSinks([CommandLog.mailLogSink(context.parameters)])
            let write = { (text: String) in
                sinks.write(LogRecord(tag: hasTag ? tag : "\(name)/postlog", severity: severity, text: text))
                guard CommandLog.hasTerminal else { return }
                StandardErrorSink().write(LogRecord(tag: tag, severity: severity, text: text))
            }
            if scanner.operands.isEmpty {
                var source = ByteSource(STDIN_FILENO)
                while let (line, _) = try source.piece(until: 0x0a, limit: 2000) {
                    write(String(decoding: line, as: UTF8.self))
                }
            } else {
                write(scanner.operands.joined(separator: " "))
            }
            if severity == .fatal || severity == .panic { sleep(1) }
            return ExitStatus.ok
        }
    }
}

/// postlock(1): runs a command while a mailbox is locked.
public enum Postlock {
    public static func main(_ arguments: [String]) -> Int32 {
        let name = CommandContext.asCalled("postlock")
        return CommandRunner.runQuietly(name, status: ExitStatus.temporary) {
            var directory: String?
            var style: String?
            var verbosity = 0
            var scanner = OptionScanner(arguments, options: CommandSynopsis.postlock.letters)
            var usage = CommandFailure(
                "usage: \(name) [-c config_dir] [-l lock_style] [-v] folder command...", status: ExitStatus.temporary)
            while let item = scanner.next() {
                switch item {
                case .value("c", let value): directory = value
                case .value("l", let value): style = value
                case .flag("v"): verbosity += 1
                case .error(let text):
                    usage.complaint = text
                    throw usage
                default: break
                }
            }
            let operands = scanner.operands
            guard operands.count >= 2 else { throw usage }
            CommandTrace.begin(name, level: verbosity)
            let context: CommandContext
            do throws(CommandFailure) {
                context = try CommandContext(program: "postlock", calledAs: name, directory: directory, isLogged: false)
            } catch {
                throw CommandFailure(error.message, status: ExitStatus.temporary)
            }
            let setting = style ?? context.parameters["mailbox_delivery_lock"]
            let methods = ListSetting.split(setting)
            for method in methods where !["fcntl", "flock", "dotlock"].contains(method) {
                throw CommandFailure(
                    "unknown mailbox_delivery_lock value \"\(method)\" in \"\(setting)\"", status: ExitStatus.temporary)
            }
            CommandTrace.tell("lock \(operands[0]): \(methods.joined(separator: ", "))")
            let lock = try MailboxLock.acquire(operands[0], methods: methods, parameters: context.parameters)
            defer { lock.release() }
            return try runCommand(Array(operands.dropFirst()))
        }
    }

    private static func runCommand(_ arguments: [String]) throws -> Int32 {
        let program = arguments[0]
        let candidates =
            program.contains("/")
            ? [program]
            : (CommandContext.environment("PATH") ?? "/usr/bin:/bin").split(separator: ":").map { "\($0)/\(program)" }
        guard let path = candidates.first(where: Files.isExecutable) else {
            let isThere = program.contains("/") && Files.exists(program)
            throw CommandFailure("execvp \(program): \(String(cString: strerror(isThere ? EACCES : ENOENT)))")
        }
        var environment: [String] = []
        var entry = environ
        while let pointer = entry.pointee {
            environment.append(String(cString: pointer))
            entry = entry.advanced(by: 1)
        }
        CommandTrace.tell("run \(path)")
        let pid = try Spawn(
            executable: path, arguments: arguments, environment: environment, descriptors: [0: 0, 1: 1, 2: 2]
        ).start()
        switch ProcessStatus.wait(for: pid) {
        case .exited(let code):
            CommandTrace.tell("\(path): exit status \(code)")
            return Int32(clamping: code)
        case .killed: return ExitStatus.fatal
        case nil: return ExitStatus.temporary
        }
    }
}

/// The locks of mailbox_delivery_lock: fcntl, flock, dotlock.
struct MailboxLock {
    private let descriptor: CInt
    private let dotFile: String?

    static func acquire(_ path: String, methods: [String], parameters: Parameters) throws -> MailboxLock {
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        if descriptor < 0 {
            let reason = SystemError("open").reason
            let what =
                Files.exists(path)
                ? "cannot open file"
                : methods.contains("dotlock")
                    ? "unable to create lock file \(path).lock" : "cannot create file exclusively"
            throw CommandFailure("open file \(path): \(what): \(reason)", status: ExitStatus.temporary)
        }
        var dotFile: String?
        let attempts = max(1, parameters.int("deliver_lock_attempts"))
        for attempt in 1...attempts {
            if let failure = tryLock(descriptor, path, methods, stale: parameters.seconds("stale_lock_time"), &dotFile)
            {
                if attempt == attempts {
                    Descriptors.close(descriptor)
                    throw CommandFailure("open file \(path): \(failure)", status: ExitStatus.temporary)
                }
                sleep(UInt32(clamping: parameters.seconds("deliver_lock_delay")))
            } else {
                break
            }
        }
        return MailboxLock(descriptor: descriptor, dotFile: dotFile)
    }

    /// - Returns: why it failed, or nil when all locks are held.
    private static func tryLock(
        _ descriptor: CInt, _ path: String, _ methods: [String], stale: Int, _ dotFile: inout String?
    ) -> String? {
        for method in methods {
            switch method {
            case "fcntl":
                var request = Glibc.flock()
                request.l_type = Int16(F_WRLCK)
                request.l_whence = Int16(SEEK_SET)
                if fcntl(descriptor, F_SETLK, &request) != 0 { return busy() }
            case "flock":
                if flock(descriptor, LOCK_EX | LOCK_NB) != 0 { return busy() }
            case "dotlock":
                guard dotFile == nil else { continue }
                let name = "\(path).lock"
                let lock = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0)
                if lock < 0 {
                    let error = SystemError("lock")
                    var status = stat()
                    if stat(name, &status) == 0, Int(time(nil)) - Int(status.st_ctim.tv_sec) > stale { unlink(name) }
                    return "unable to create lock file \(name): \(error.reason)"
                }
                Descriptors.close(lock)
                dotFile = name
            default: return "unknown lock style: \(method)"
            }
        }
        return nil
    }

    private static func busy() -> String { "unable to lock for exclusive access: \(SystemError("lock").reason)" }

    func release() {
        if let dotFile { unlink(dotFile) }
        Descriptors.close(descriptor)
    }
}
