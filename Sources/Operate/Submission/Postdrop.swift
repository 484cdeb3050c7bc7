import CommandReference
import Configuration
import Glibc
import MailSyntax
import MailSystem
import Spool

/// postdrop(1): reads one message from its standard input into the maildrop queue. Set-gid: everything that it is
/// given is suspect.
public enum Postdrop {
    public static func main(_ arguments: [String]) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        umask(0o022)
        return CommandRunner.run("postdrop") {
            var directory: String?
            var scanner = OptionScanner(arguments, options: CommandSynopsis.postdrop.letters)
            while let item = scanner.next() {
                switch item {
                case .value("c", let value): directory = value
                case .error(let text):
                    throw CommandFailure("usage: postdrop [-c config_dir] [-v]", complaint: text)
                default: break
                }
            }
            let loaded = try CommandContext(program: "postdrop", directory: directory)
            loaded.cleanEnvironment()
            return CommandRunner.run("postdrop", log: loaded.log) { try drop(loaded) }
        }
    }

    private static func drop(_ context: CommandContext) throws -> Int32 {
        let parameters = context.parameters
        let user = CommandContext.callerName() ?? "unknown"
        guard try UserList(parameters.list("authorized_submit_users")).contains(user) else {
            throw CommandFailure(
                "User \(user)(\(getuid())) is not allowed to submit mail", status: ExitStatus.noPermission)
        }
        try context.enterQueueDirectory()
        let store = POSIXFileStore(root: "")
        let directory = QueueDirectory(store: store, longIDs: parameters.bool("enable_long_queue_ids"))
        let clock = SystemClock()
        let writer: QueueFileWriter
        do {
            writer = try QueueFileWriter.create(
                in: directory, queue: "maildrop", time: clock.now(), permissions: QueueFileMode.maildropWriting)
        } catch {
            throw CommandFailure(
                "mail_queue_enter: create file \(error.path): \(error.reason)", status: ExitStatus.temporary)
        }
        InterruptGuard.remove(writer.path)
        do {
            try reply([.init("protocol", "postdrop_protocol"), .init("queue_id", writer.id.text)])
            let now = clock.now()
            writer.append(.time, "\(now.seconds) \(now.microseconds)")
            switch try copy(to: writer, context: context) {
            case .complete: break
            case .nothing:
                writer.abort()
                return ExitStatus.ok
            case .refused(let reason):
                writer.abort()
                throw CommandFailure("uid=\(getuid()): \(reason)")
            }
            try writer.commit(size: nil, permissions: QueueFileMode.maildropReady)
        } catch let error as SystemError {
            writer.abort()
            context.log.warning("uid=\(getuid()): \(error)")
            try? reply([.init("status", "\(CleanupStatus.write)"), .init("reason", "queue file write error")])
            return ExitStatus.temporary
        }
        InterruptGuard.disarm()
        _ = Trigger.trySend(
            "public/\(parameters["pickup_service_name"])", Array("W".utf8), context: context, quietWhenDown: true)
        try reply([.init("status", "0"), .init("reason", "")])
        return ExitStatus.ok
    }

    private static func reply(_ attributes: [AttributeCodec.Attribute]) throws(SystemError) {
        try Descriptors.writeAll(AttributeCodec.encode(attributes, as: .null), to: STDOUT_FILENO)
    }

    private enum Outcome {
        case complete
        /// There was no input at all.
        case nothing
        case refused(String)
    }

    private static func copy(to writer: QueueFileWriter, context: CommandContext) throws -> Outcome {
        let limit = max(context.parameters.int("line_length_limit"), 1)
        let sizeLimit = context.parameters.int("message_size_limit")
        var source = ByteSource(STDIN_FILENO)
        var filter = MaildropFilter()
        // Nobody has written anything: sendmail was interrupted, which is no error.
        if try source.isAtEnd() { return .nothing }
        while true {
            guard let type = try source.byte(), let length = try recordLength(&source) else {
                return .refused("unexpected end of input")
            }
            guard length <= limit else { return .refused("record of \(length) bytes exceeds the limit") }
            guard let payload = try source.bytes(length) else {
                context.log.warning("stdin: unexpected EOF in data, record type \(type) length \(length)")
                return .refused("malformed input")
            }
            let recordType = RecordType(rawValue: type)
            switch filter.take(recordType, payload) {
            case .keep: writer.append(recordType, payload)
            case .drop: break
            case .warn(let text): context.log.warning("uid=\(getuid()): \(text)")
            case .refuse(let reason): return .refused(reason)
            case .end:
                writer.append(recordType, payload)
                return .complete
            }
            if writer.bufferedBytes > 64 << 10 { try writer.flush() }
            // Headroom for the record headers; cleanup checks the exact size.
            if sizeLimit > 0, writer.offset / 2 > sizeLimit { return .refused("file size limit exceeded") }
        }
    }

    private static func recordLength(_ source: inout ByteSource) throws -> Int? {
        var length = 0
        var shift = 0
        while let byte = try source.byte() {
            length |= Int(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return length }
            shift += 7
            if shift + 7 >= 32 { return nil }
        }
        return nil
    }
}

/// Bits of cleanup's status.
enum CleanupStatus {
    static let write = 4
}

enum ByteSinkError {
    static func write(_ text: String) throws(SystemError) {
        try Descriptors.writeAll(Array(text.utf8), to: STDERR_FILENO)
    }
}

/// Removes a half-written file when a signal ends the program.
enum InterruptGuard {
    nonisolated(unsafe) private static var path: UnsafeMutablePointer<CChar>?

    static func remove(_ name: String) {
        // The handler may only call unlink and _exit; the pointer is set before the handlers are, and never freed.
        path = strdup(name)
        for number in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            signal(number) { _ in
                if let path = InterruptGuard.path { unlink(path) }
                _exit(75)
            }
        }
    }

    static func disarm() {
        for number in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] { signal(number, SIG_DFL) }
    }
}
