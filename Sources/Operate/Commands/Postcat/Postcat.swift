import Configuration
import Glibc
import MailSystem
import Spool
import Submission

/// postcat(1): shows queue files.
public enum Postcat {
    public static func main(_ arguments: [String]) -> Int32 {
        signal(SIGPIPE, SIG_DFL)
        LocalTime.prepare()
        let program = Submission.CommandContext.asCalled("postcat")
        return CommandRunner.runQuietly(program) {
            let options = try PostcatOptions(arguments)
            let context = try Submission.CommandContext(
                program: "postcat", calledAs: program, directory: options.configuration, isLogged: false)
            let log = context.log
            let output = ByteSink()
            defer { try? output.flush() }
            let inputs = try inputs(options, context)
            for (name, open) in inputs {
                let file = try open()
                defer { file.close() }
                // Before a record is read: in other files, anything may stand where its length would be.
                if options.start == 0, let first = try file.read(at: 0, count: 1).first,
                    !RecordType.envelopeTypes.contains(RecordType(rawValue: first))
                {
                    log.warning("\(name): input is not a valid queue file")
                    continue
                }
                let reader = try QueueFileReader(file: file)
                do {
                    var printer = QueueFilePrinter(name: name, options: options, reader: reader) {
                        try output.write($0)
                    }
                    try printer.print()
                } catch QueueFileError.corrupt(let reason, _) {
                    try output.flush()
                    log.warning("\(name): \(reason)")
                    throw Submission.CommandFailure("record read error")
                }
            }
            return ExitStatus.ok
        }
    }

    private typealias Input = (name: String, open: () throws -> any StoredFile)

    private static func inputs(_ options: PostcatOptions, _ context: Submission.CommandContext) throws -> [Input] {
        if options.operands.isEmpty, !options.queueIDs { return [("stdin", { try standardInput() })] }
        guard options.queueIDs else {
            let store = POSIXFileStore(root: "")
            return options.operands.map { path in
                (
                    path,
                    {
                        do throws(SystemError) {
                            return try store.open(path, writing: false)
                        } catch {
                            throw Submission.CommandFailure("open \(path): \(error.reason)")
                        }
                    }
                )
            }
        }
        try context.enterQueueDirectory()
        let parameters = context.parameters
        let directory = QueueDirectory(
            store: POSIXFileStore(root: ""), hashNames: parameters.list("hash_queue_names"),
            hashDepth: parameters.int("hash_queue_depth"))
        return try options.operands.map { text in
            guard let id = QueueID(text) else { throw Submission.CommandFailure("bad mail queue ID: \(text)") }
            guard let (queue, _) = directory.locate(id) else {
                throw Submission.CommandFailure("open queue file \(text): \(Self.whyMissing(id, directory))")
            }
            return (directory.path(queue: queue, id: id), { try directory.open(queue: queue, id: id) })
        }
    }

    /// Who may not enter the queues learns that, and not what is in them.
    private static func whyMissing(_ id: QueueID, _ directory: QueueDirectory) -> String {
        do throws(SystemError) {
            try directory.open(queue: "incoming", id: id).close()
            return String(cString: strerror(ENOENT))
        } catch {
            return error.reason
        }
    }

    /// Pointer records need a file that can be read anywhere: a pipe is copied to one that has no name.
    private static func standardInput() throws -> any StoredFile {
        let copy = dup(STDIN_FILENO)
        guard copy >= 0 else { throw SystemError("dup", path: "stdin") }
        if lseek(copy, 0, SEEK_CUR) >= 0 { return POSIXFile(descriptor: copy, path: "stdin") }
        defer { Descriptors.close(copy) }
        var template = Array("/tmp/postcat.XXXXXX\0".utf8CString)
        let temporary = mkstemp(&template)
        guard temporary >= 0 else { throw SystemError("create", path: "/tmp/postcat.XXXXXX") }
        unlink(template)
        while true {
            let bytes = try Descriptors.read(copy, count: 64 << 10)
            if bytes.isEmpty { break }
            try Descriptors.writeAll(bytes, to: temporary)
        }
        return POSIXFile(descriptor: temporary, path: "stdin")
    }
}
