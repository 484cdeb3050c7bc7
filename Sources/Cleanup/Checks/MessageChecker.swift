import Lookup
import MailSyntax
import MailSystem

/// Checks one message: looks its headers and lines up, logs what the tables say, and remembers what is to become of the
/// message.
struct MessageChecker {
    /// What is written in place of a line.
    struct Result {
        /// Goes before it.
        var prepended: [[UInt8]] = []
        /// The line, or what takes its place; nil when it is dropped.
        var text: [UInt8]?
    }

    private let checks: ContentChecks
    private let log: MailLog
    private let context: () -> MessageEditor.Context
    private(set) var effects = MessageEffects()
    private(set) var rejection: RejectText?
    private(set) var hasFailed = false
    /// False when a table has decided about the whole message.
    private(set) var isActive = true
    /// Follows the body, once it has begun.
    private var parser: MIMEParser
    private var mimeHeaders: [[UInt8]] = []

    /// - Parameter context: who sends what to whom at the moment.
    init(_ checks: ContentChecks, log: MailLog, context: @escaping () -> MessageEditor.Context) {
        self.checks = checks
        self.log = log
        self.context = context
        parser = MIMEParser(limits: checks.limits)
    }

    /// - Parameter header: of the message, its lines joined by LF.
    mutating func check(primary header: [UInt8]) async -> Result {
        if checks.refused.contains(.eightBitHeader), header.contains(where: { $0 > 0x7F }) {
            note(.eightBitHeader, header)
        }
        guard isActive else { return Result(text: header) }
        return await check(header: header, in: .primary)
    }

    /// Notes a header of the message that says how its body is made up.
    mutating func noteMIME(_ header: [UInt8]) { if checks.readsBody, checks.followsMIME { mimeHeaders.append(header) } }

    /// True when the lines of the body must pass `check(body:…)`.
    var wantsBody: Bool { isActive && checks.readsBody }

    /// The headers are over.
    mutating func beginBody() {
        var problems: [(MIMEProblem, [UInt8])] = []
        parser.skipHeaders(mimeHeaders) {
            if case .problem(let problem, let text) = $0 { problems.append((problem, text)) }
        }
        for (problem, text) in problems { note(problem, text) }
    }

    /// - Returns: what to write, in order: text, whether it ends its line, and whether it may be several lines.
    mutating func check(body piece: ArraySlice<UInt8>, endsLine: Bool) async -> [Written] {
        var events: [MIMEParser.Event] = []
        parser.take(piece, endsLine: endsLine) { events.append($0) }
        return await write(events)
    }

    mutating func finish() async -> [Written] {
        var events: [MIMEParser.Event] = []
        parser.finish { events.append($0) }
        return await write(events)
    }

    enum Written {
        case header([UInt8])
        case body([UInt8], endsLine: Bool)
    }

    private mutating func write(_ events: [MIMEParser.Event]) async -> [Written] {
        var output: [Written] = []
        for event in events {
            switch event {
            case .headersEnd: break
            case .problem(let problem, let text): note(problem, text)
            case .header(let section, let header, _):
                let result = isActive ? await check(header: header, in: section) : Result(text: header)
                output += result.prepended.map { .header($0) }
                if let text = result.text { output.append(.header(text)) }
            case .body(let piece, let endsLine, let offset):
                var result = Result(text: Array(piece))
                if isActive, offset < checks.bodyLimit { result = await check(body: Array(piece)) }
                output += result.prepended.map { .body($0, endsLine: true) }
                if let text = result.text { output.append(.body(text, endsLine: endsLine)) }
            }
        }
        return output
    }

    // MARK: Tables

    private mutating func check(header: [UInt8], in section: MIMEParser.Section) async -> Result {
        do throws(LookupError) {
            return apply(try await checks.tables.check(header: header, in: section), "header", header)
        } catch {
            return fail(checks.tables.parameter(of: header, in: section), header)
        }
    }

    private mutating func check(body line: [UInt8]) async -> Result {
        do throws(LookupError) {
            return apply(try await checks.tables.check(body: line), "body", line)
        } catch {
            return fail(checks.tables.body.parameter, line)
        }
    }

    private mutating func fail(_ parameter: String, _ text: [UInt8]) -> Result {
        log.warning("\(context().queueID): \(parameter) map lookup problem -- message not accepted, try again later")
        hasFailed = true
        isActive = false
        return Result(text: text)
    }

    private mutating func apply(_ action: CheckAction, _ kind: String, _ text: [UInt8]) -> Result {
        if let (verb, reason) = action.logged { log.info(context().line(verb, kind, text, reason)) }
        switch action {
        case .dunno, .info, .warn: break
        case .bcc(let address): effects.bcc.append(address)
        case .filter(let filter): effects.filter = filter
        case .hold: effects.hold = true
        case .ignore, .strip: return Result(text: nil)
        case .prepend(let line): return Result(prepended: [line], text: text)
        case .replace(let line): return Result(text: line)
        case .pass: isActive = false
        case .discard:
            effects.discard = true
            isActive = false
        case .redirect(let address):
            effects.redirect = address
            isActive = false
        case .reject(let text):
            rejection = rejection ?? RejectText(text)
            isActive = false
        }
        return Result(text: text)
    }

    private mutating func note(_ problem: MIMEProblem, _ text: [UInt8]) {
        guard checks.refused.contains(problem), rejection == nil else { return }
        let who = context()
        let shown = String(decoding: text.prefix(100), as: UTF8.self)
        log.info(
            "\(who.queueID): reject: mime-error \(problem.text): \(shown) from \(who.origin); from=<\(who.sender)>"
                + " to=<\(who.recipient)>")
        rejection = RejectText("5.6.0 \(problem.text)")
    }
}
