import Cleanup
import Lookup
import MailSyntax
import MailSystem
import Spool

/// Changes a queue file as a milter would.
final class MilterHarness {
    private let console: Console
    private let opener: TableOpener
    private var message: MessageEditor?
    private var file: (any StoredFile)?
    private var wasOpened = false
    private var lineLimit = 2048
    private var keepsOriginal = true
    private var checks: CheckTables?
    private var senderBcc: Maps?

    private static let duplicateLimit = 1000

    static func run(_ console: Console) async {
        let harness = MilterHarness(console)
        for line in console.lines() {
            console.print("> \(line)")
            if line.isEmpty || line.hasPrefix("#") { continue }
            await harness.execute(line)
        }
        harness.report()
    }

    private init(_ console: Console) {
        self.console = console
        opener = TableOpener(settings: TableSettings(), log: console.log)
    }

    private func execute(_ line: String) async {
        let fields = words(line)
        guard let command = fields.first else { return }
        if let message, !message.isOpen, command != "close", command != "verbose" {
            return console.log.info("ignoring: \(fields.prefix(3).joined(separator: " "))")
        }
        do {
            if await setting(command, Array(fields.dropFirst())) { return }
            switch command {
            case "open": try open(fields[1])
            case "close": try close()
            default:
                guard let message else { return console.log.warning("no open queue file") }
                try await edit(message, command, Array(fields.dropFirst()))
            }
        } catch {
            console.log.warning("\(command): \(error)")
        }
    }

    private func setting(_ command: String, _ operands: [String]) async -> Bool {
        switch command {
        case "verbose": break
        case "line_length_limit": lineLimit = Int(operands.first ?? "") ?? lineLimit
        case "enable_original_recipient":
            guard let value = operands.first else {
                console.log.info("enable_original_recipient: \(keepsOriginal ? 1 : 0)")
                return true
            }
            keepsOriginal = value != "0"
            message?.setKeepsOriginal(keepsOriginal, limit: Self.duplicateLimit)
        case "header_checks":
            checks = CheckTables(
                header: operands.first ?? "", mime: operands.first ?? "", nested: "", body: "", prefix: "milter_",
                opener: opener, log: console.log)
            message?.checks = checks
        case "sender_bcc_maps":
            senderBcc = Maps(operands.first ?? "", opener: opener)
            message?.senderBcc = senderBcc
        default: return false
        }
        return true
    }

    private func open(_ path: String) throws {
        let file = try POSIXFileStore(root: ".").open(path, writing: true)
        let reader = try QueueFileReader(file: file)
        let end = try file.status().size
        let editor = QueueFileEditor(file: file, size: end, points: try EditPoints.scan(reader), lineLimit: lineLimit)
        let message = MessageEditor(
            editor,
            context: MessageEditor.Context(
                queueID: "NOQUEUE", origin: "client_name[client_addr]", sender: "sender", recipient: "recipient"),
            duplicateLimit: Self.duplicateLimit, keepsOriginal: keepsOriginal, log: console.log)
        message.checks = checks
        message.senderBcc = senderBcc
        self.message = message
        self.file = file
        wasOpened = true
    }

    private func close() throws {
        guard let message, let file else { return }
        try message.finish()
        file.close()
        self.file = nil
    }

    private func edit(_ message: MessageEditor, _ command: String, _ operands: [String]) async throws {
        func rest(_ from: Int) -> [UInt8] { Array(operands.dropFirst(from).joined(separator: " ").utf8) }
        func number() -> Int { Int(operands.first ?? "") ?? 0 }
        func parameters() -> String {
            var text = operands.dropFirst().joined(separator: " ")
            if text.hasPrefix("{"), text.hasSuffix("}") { text = String(text.dropFirst().dropLast()) }
            return text
        }
        guard let first = operands.first else { return console.log.warning("bad command: \(command)") }
        switch command {
        case "add_header": try await message.addHeader(first, rest(1))
        case "ins_header" where operands.count > 1: try await message.insertHeader(at: number(), operands[1], rest(2))
        case "upd_header" where operands.count > 1: try await message.changeHeader(number(), operands[1], rest(2))
        case "del_header" where operands.count > 1: try message.deleteHeader(number(), operands[1])
        case "chg_from": try await message.changeSender(first, parameters: parameters())
        case "add_rcpt", "add_rcpt_par":
            try await message.addRecipient(first, parameters: parameters()) { [$0] }
        case "del_rcpt": try message.deleteRecipient(first)
        case "replbody":
            try message.beginBody()
            try message.appendBody(try Files.read(first, limit: 1 << 24)[...], isLast: true)
            try message.endBody()
        default: console.log.warning("bad command: \(command)")
        }
    }

    private func report() {
        guard wasOpened, let message else { return }
        var flags: [String] = []
        if message.isOpen { flags = ["enable_header_body_filter", "enable_milters"] }
        if message.effects.hold { flags.insert("hold_message", at: message.isOpen ? 1 : 0) }
        if message.effects.discard { flags.append("discard_message") }
        if !flags.isEmpty { console.log.info("flags = \(flags.joined(separator: " "))") }
        if message.rejection != nil { console.log.info("errs = message content rejected") }
        if message.failure != nil { console.log.info("errs = queue file write error") }
    }
}
