import CommandReference
import Configuration
import Glibc
import MailSystem
import Spool
import Submission

/// qshape(1): the queue by domain and age.
public enum Qshape {
    public static func main(_ arguments: [String]) -> Int32 {
        signal(SIGPIPE, SIG_DFL)
        return CommandRunner.runQuietly("qshape") {
            let options = try QshapeOptions(arguments)
            let context = try Submission.CommandContext(
                program: "qshape", directory: options.directory, isLogged: false)
            let log = MailLog(tag: "qshape", sink: StandardErrorSink())
            var counter = QueueCounter(options: options, log: log)
            for queue in options.queues {
                let path = queue.hasPrefix("/") ? queue : "\(context.parameters["queue_directory"])/\(queue)"
                guard Files.status(path)?.isDirectory == true else {
                    let reason = String(cString: strerror(Files.exists(path) ? ENOTDIR : ENOENT))
                    log.warning("Can't stat \(queue): \(reason)")
                    continue
                }
                try counter.count(path)
            }
            try counter.print(isFinal: true)
            return ExitStatus.ok
        }
    }
}

/// The command line of qshape(1).
struct QshapeOptions: Equatable {
    var directory: String?
    var bySender = false
    var parents = false
    var linear = false
    var parentMinimum = 5
    var buckets = 10
    var firstBucket = 5
    var width = 80
    var batch = 1000
    var rows = 20
    var queues = ["incoming", "active"]

    private static let program = CommandLine.arguments.first ?? "qshape"

    private static func refusal(_ complaint: String = "") -> CommandFailure {
        do { try Descriptors.writeAll(Array((complaint + usage).utf8), to: STDERR_FILENO) } catch {}
        return CommandFailure("", status: 255)
    }

    private static var usage: String {
        """
        Usage: \(program) [ -s ] [ -p ] [ -m <min_subdomains> ] [ -l ]
        \t[ -b <bucket_count> ] [ -t <bucket_time> ] [ -w <terminal_width> ]
        \t[ -N <batch_msg_count> ] [ -n <batch_top_domains> ]
        \t[ -c <config_directory> ] [ <queue_name> ... ]
        Counts the recipients of each domain by the age of their messages.
        \t-s\tcounts senders instead
        \t-p\tadds a line, beginning with a dot, for each parent domain that is no top-level
        \t\tdomain and of which at least <min_subdomains> (5) subdomains are in the table
        \t-t\tends the first column at <bucket_time> (5) minutes; each further column is twice as long
        \t-l\tmakes all columns equally long
        \t-b\tshows <bucket_count> (10) columns
        \t-n\tshows the first <batch_top_domains> (20) domains only, on a terminal
        \t-N\tshows what there is each <batch_msg_count> (1000) messages, on a terminal
        \t-w\tis the width of the table (80): longer names lose their beginning
        \t-c\treads another instance's configuration
        Without a queue name: incoming and active. A queue name without a slash at its beginning is
        a directory of queue_directory.

        """
    }

    init(_ arguments: [String]) throws(CommandFailure) {
        var scanner = OptionScanner(arguments, options: CommandSynopsis.qshape.letters)
        while let item = scanner.next() {
            switch item {
            case .flag("s"): bySender = true
            case .flag("p"): parents = true
            case .flag("l"): linear = true
            case .value("c", let value): directory = value
            case .value("m", let value): Self.set(&parentMinimum, value)
            case .value("b", let value): Self.set(&buckets, value, most: 200)
            case .value("t", let value): Self.set(&firstBucket, value)
            case .value("w", let value): Self.set(&width, value, most: 10_000)
            case .value("N", let value): Self.set(&batch, value)
            case .value("n", let value): Self.set(&rows, value)
            case .flag("h"): throw Self.refusal()
            case .error(let text):
                // Perl's getopt leaves the default where the last option lacks its value.
                guard text.hasPrefix("invalid"), let letter = text.dropLast().last else { break }
                throw Self.refusal("\(Self.program): Unknown option: \(letter)\n")
            default: break
            }
        }
        if !scanner.operands.isEmpty { queues = scanner.operands }
    }

    /// What is no number above 0 leaves the default, as Postfix's does.
    private static func set(_ number: inout Int, _ text: String, most: Int = 1 << 30) {
        if let value = Int(text), value > 0 { number = min(value, most) }
    }
}

/// Reads queue files into a `QueueShape`.
struct QueueCounter {
    let options: QshapeOptions
    let log: MailLog
    private var shape: QueueShape
    private var messages = 0
    private let isTerminal = isatty(STDOUT_FILENO) != 0
    private let now: Int

    init(options: QshapeOptions, log: MailLog) {
        self.options = options
        self.log = log
        shape = QueueShape(buckets: options.buckets, first: options.firstBucket, linear: options.linear)
        now = time(nil)
    }

    mutating func count(_ path: String) throws {
        let parts = path.split(separator: "/").map(String.init)
        let directory = QueueDirectory(
            store: POSIXFileStore(root: "/" + parts.dropLast().joined(separator: "/")), hashNames: [], hashDepth: 0)
        let name = parts.last ?? ""
        let scan = directory.scan(name)
        defer { scan.close() }
        while let entry = try scan.nextEntry() {
            guard let file = try? directory.store.open(entry.path, writing: false) else { continue }
            defer { file.close() }
            guard let status = try? file.status(), status.mode & 0o100 != 0 else { continue }
            if countMessage(file, isMaildrop: name == "maildrop") {
                messages += 1
                if isTerminal, messages.isMultiple(of: options.batch) { try print(isFinal: false) }
            }
        }
    }

    /// False for what is no message: files come and go, and a damaged one is not qshape's concern.
    private mutating func countMessage(_ file: any StoredFile, isMaildrop: Bool) -> Bool {
        do {
            let reader = try QueueFileReader(file: file)
            let message = try reader.envelope(requireComplete: !isMaildrop)
            let arrival =
                message.arrival.seconds > 0 ? message.arrival.seconds : Int(try file.status().modified.seconds)
            let age = now - arrival
            if options.bySender {
                shape.add(QueueShape.domain(of: message.sender), age: age)
                return true
            }
            var cursor = message.recipients
            while let place = cursor {
                let (batch, next) = try reader.recipients(of: message, from: place, limit: 1000)
                for recipient in batch { shape.add(QueueShape.domain(of: recipient.address), age: age) }
                cursor = next
            }
            return true
        } catch {
            return false
        }
    }

    func print(isFinal: Bool) throws {
        let table = QueueShapeTable(
            shape: shape, width: options.width, parentMinimum: options.parents ? options.parentMinimum : nil,
            rowLimit: isTerminal ? options.rows : nil)
        // Home, clear the screen, clear what is scrolled off it.
        let text = (isTerminal ? "\u{1B}[H\u{1B}[2J\u{1B}[3J" : "") + table.text
        try Descriptors.writeAll(Array(text.utf8), to: STDOUT_FILENO)
    }
}
