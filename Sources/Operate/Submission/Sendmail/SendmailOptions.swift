import CommandReference
import Glibc

/// The options of sendmail(1), and what they come to. Pure.
struct SendmailOptions: Equatable {
    enum Mode: Equatable {
        case deliver, verify, standAlone, daemon, listQueue, newAliases, ignore
        case flush
        case flushMessage(String)
        case flushSite(String)
    }

    var mode = Mode.deliver
    var sender: String?
    var fullName: String?
    var extractRecipients = false
    /// A line with only a dot ends the message.
    var dotEnds = true
    var encoding: String?
    var notify: Int?
    var returnContent: Int?
    var envelopeID: String?
    /// Empty: the default delimiters.
    var verp: String?
    var remoteRewriting = false
    var verbosity = 0
    var aliasDatabases: [String] = []
    var smtputf8 = false
    var requireTLS = false
    var recipients: [String] = []
    var warnings: [String] = []
    /// What is only worth a line.
    var notes: [String] = []

    /// What `-C` says, a main.cf or its directory, whatever is wrong with the other options.
    static func configuration(in arguments: [String]) -> String? {
        var scanner = scanner(arguments)
        var found: String?
        while let item = scanner.next() {
            if case .value("C", let value) = item { found = value }
        }
        return found
    }

    private static func scanner(_ arguments: [String]) -> OptionScanner {
        // A bare -q has no argument: give it one that the scanner can tell.
        OptionScanner(arguments.map { $0 == "-q" ? "-qf" : $0 }, options: CommandSynopsis.sendmail.letters)
    }

    /// - Parameter program: `mailq` and `newaliases` are modes by name.
    /// - Throws: with the text of the fatal error.
    init(program: String, arguments: [String]) throws(CommandFailure) {
        if program == "mailq" { mode = .listQueue }
        if program == "newaliases" { mode = .newAliases }
        var scanner = Self.scanner(arguments)
        while let item = scanner.next() {
            switch item {
            case .flag(let letter): try take(letter)
            case .value(let letter, let value): try take(letter, value)
            case .error(let text):
                throw CommandFailure(
                    "usage: \(program) [options]", complaint: text, status: ExitStatus.temporary)
            }
        }
        recipients = scanner.operands
        try check()
    }

    private mutating func take(_ letter: Character) throws(CommandFailure) {
        switch letter {
        case "G": remoteRewriting = true
        case "I": mode = .newAliases
        case "i": dotEnds = false
        case "n": throw CommandFailure("-n option not supported", status: ExitStatus.temporary)
        case "t": extractRecipients = true
        case "v": verbosity += 1
        case "x": if verbosity > 0 { notes.append("-x option ignored") }
        default: break
        }
    }

    private mutating func take(_ letter: Character, _ value: String) throws(CommandFailure) {
        switch letter {
        case "B":
            switch value.lowercased() {
            case "8bitmime": encoding = "8bit"
            case "7bit": encoding = "7bit"
            default: throw CommandFailure("-B option needs 8BITMIME or 7BIT", status: ExitStatus.temporary)
            }
        case "F": fullName = value
        case "N": takeNotify(value)
        case "O": takeOption(value)
        case "R":
            switch value.lowercased() {
            case "full": returnContent = 1
            case "hdrs": returnContent = 2
            default: warnings.append("bad -R option value -- ignored")
            }
        case "V":
            if value.isEmpty || value.utf8.contains(where: { $0 < 32 || $0 == 127 }) {
                warnings.append("bad -V option value -- ignored")
            } else {
                envelopeID = value
            }
        case "X":
            guard value.hasPrefix("V") else {
                throw CommandFailure("unsupported: -X\(value.prefix(1))", status: ExitStatus.temporary)
            }
            verp = String(value.dropFirst())
        case "b": try takeMode(value)
        case "f", "r": sender = value
        case "o":
            if value.hasPrefix("A") { aliasDatabases.append(String(value.dropFirst())) }
            if value.hasPrefix("i") { dotEnds = false }
        case "q": try takeQueue(value)
        default: break
        }
    }

    private mutating func takeMode(_ value: String) throws(CommandFailure) {
        switch value.first {
        case "d", "l":
            if isFlush { warnings.append("ignoring -q option in daemon mode") }
            mode = .daemon
        case "h", "H": mode = .ignore
        case "i": mode = .newAliases
        case "m": mode = .deliver
        case "p": mode = .listQueue
        case "s": mode = .standAlone
        case "v": mode = .verify
        default: throw CommandFailure("unsupported: -b\(value.prefix(1))", status: ExitStatus.temporary)
        }
    }

    private var isFlush: Bool {
        switch mode {
        case .flush, .flushMessage, .flushSite: true
        default: false
        }
    }

    private mutating func takeQueue(_ value: String) throws(CommandFailure) {
        let rest = String(value.dropFirst())
        switch value.first {
        case _ where mode == .daemon: warnings.append("ignoring -q option in daemon mode")
        case "f" where rest.isEmpty: mode = .flush
        case "I" where !rest.isEmpty: mode = .flushMessage(rest)
        case "R" where !rest.isEmpty: mode = .flushSite(rest)
        case "I": throw CommandFailure("specify: -qIqueueid", status: ExitStatus.temporary)
        case "R": throw CommandFailure("specify: -qRsitename", status: ExitStatus.temporary)
        case "S": throw CommandFailure("-qS is not implemented", status: ExitStatus.temporary)
        default:
            // An interval: the queue manager has its own.
            if value.first?.isNumber == true {
                if mode == .deliver { mode = .ignore }
            } else {
                throw CommandFailure("-q\(value.prefix(1)) is not implemented", status: ExitStatus.temporary)
            }
        }
    }

    private mutating func takeNotify(_ value: String) {
        var bits = 0
        for word in value.split(whereSeparator: { ", \t".contains($0) }) {
            switch word.lowercased() {
            case "never": bits |= 1
            case "success": bits |= 2
            case "failure": bits |= 4
            case "delay": bits |= 8
            default:
                warnings.append("unknown DSN NOTIFY command value \"\(word)\" in \"\(value)\"")
                bits = -1
            }
            if bits < 0 { break }
        }
        if bits <= 0 || (bits & 1 != 0 && bits != 1) {
            warnings.append("bad -N option value -- ignored")
        } else {
            notify = bits
        }
    }

    private mutating func takeOption(_ value: String) {
        let parts = value.lowercased().split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { return }
        let on = ["yes", "true", "1"].contains(parts[1])
        if parts[0] == "smtputf8" { smtputf8 = on }
        if parts[0] == "requiretls" { requireTLS = on }
    }

    private func check() throws(CommandFailure) {
        if extractRecipients, mode != .deliver {
            throw CommandFailure("-t can be used only in delivery mode", status: ExitStatus.temporary)
        }
        let name: String
        switch mode {
        case .deliver, .verify, .ignore: return
        case .standAlone: name = "stand-alone mode"
        case .daemon: name = "daemon mode"
        case .listQueue: name = "display queue mode"
        case .newAliases: name = "alias initialization mode"
        case .flush: name = "flush queue mode"
        case .flushMessage, .flushSite: name = "flush queue mode"
        }
        if !recipients.isEmpty { throw CommandFailure("\(name) requires no recipient", status: ExitStatus.temporary) }
    }
}
