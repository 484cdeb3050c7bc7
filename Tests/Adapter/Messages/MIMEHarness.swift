import Cleanup
import Lookup
import MailSyntax

/// The structure of a message, and checks of its lines.
struct MIMEHarness {
    private static let limits = MIMEParser.Limits(header: 2000, nesting: 20, boundary: 2000)
    /// Longer lines come in pieces.
    private static let pieceLength = 1024

    private let console: Console
    private let checks: CheckTables?
    private var parser = MIMEParser(limits: Self.limits, converts: true)
    private var number = 0

    static func structure(_ console: Console) async {
        var harness = MIMEHarness(console: console, checks: nil)
        await harness.run()
    }

    static func checks(_ console: Console) async {
        guard console.arguments.count == 4 else {
            console.fatal("usage: header_body_checks header_checks mime_header_checks nested_header_checks body_checks")
        }
        let opener = TableOpener(settings: TableSettings(), log: console.log)
        let maps = console.arguments
        let tables = CheckTables(
            header: maps[0], mime: maps[1], nested: maps[2], body: maps[3], opener: opener, log: console.log)
        var harness = MIMEHarness(console: console, checks: tables)
        await harness.run()
    }

    private mutating func run() async {
        let input = console.readAll()
        var rest = input[...]
        while !rest.isEmpty {
            let end = rest.prefix(Self.pieceLength).firstIndex(of: 0x0A)
            let piece = rest[..<(end ?? min(rest.startIndex + Self.pieceLength, rest.endIndex))]
            rest = rest[(end.map { $0 + 1 } ?? piece.endIndex)...]
            var events: [MIMEParser.Event] = []
            parser.take(piece, endsLine: end != nil) { events.append($0) }
            for event in events { await show(event) }
        }
        var events: [MIMEParser.Event] = []
        parser.finish { events.append($0) }
        for event in events { await show(event) }
        console.print("BODY END")
        for problem in MIMEProblem.allCases where parser.problems.contains(problem) {
            console.log.warning(problem.summary)
        }
    }

    private mutating func show(_ event: MIMEParser.Event) async {
        switch event {
        case .headersEnd: console.print("HEADER END")
        case .problem(let problem, let text):
            console.log.warning("\(problem.text): \(String(decoding: text.prefix(100), as: UTF8.self))")
        case .header(let section, let header, let offset):
            let label = section == .primary ? "MAIN" : section == .nested ? "NEST" : "MULT"
            guard let text = await checked(header, isHeader: true, section) else { return }
            console.print("\(prefix)\(label) \(offset)\t|".utf8 + text)
        case .body(let piece, let endsLine, let offset):
            guard let text = await checked(Array(piece), isHeader: false, .primary) else { return }
            console.write("\(prefix)BODY \(endsLine ? "N" : "L") \(offset)\t|".utf8 + text + (endsLine ? [0x0A] : []))
        }
    }

    private var prefix: String { checks == nil ? "" : "\(number - 1) " }

    /// The text to show, nil when the record goes.
    private mutating func checked(_ text: [UInt8], isHeader: Bool, _ section: MIMEParser.Section) async -> [UInt8]? {
        guard let checks else { return text }
        number += 1
        let action: CheckAction
        do {
            action = isHeader ? try await checks.check(header: text, in: section) : try await checks.check(body: text)
        } catch {
            console.log.warning("test-queueID: \(error.reason)")
            return text
        }
        if let (verb, reason) = action.logged {
            let line = String(decoding: text.prefix(200), as: UTF8.self)
            console.log.info(
                "test-queueID: \(verb): \(isHeader ? "header" : "body") \(line)\(reason.isEmpty ? "" : ": \(reason)")")
        }
        switch action {
        case .ignore, .strip: return nil
        case .replace(let new): return new
        case .prepend(let new):
            console.print(new)
            return text
        default: return text
        }
    }
}
