import MailSystem

/// Where the rules of a regexp, pcre or cidr table come from, and how its warnings begin.
struct RuleText {
    let lines: [LogicalLines.Line]
    let place: RulePlace
    let owner: TableOwner

    /// - Throws: when the file cannot be read or the inline form `{ {rule} {rule} }` is malformed.
    init(_ request: TableRequest) throws(TableOpenError) {
        place = RulePlace(type: request.type, source: request.name, log: request.log)
        let text = Array(request.name.utf8)
        if text.first == UInt8(ascii: "{") {
            lines = try Self.inlineRules(text[...], type: request.type)
            owner = .trusted
            return
        }
        let content: [UInt8]
        do {
            (content, owner) = try TableFile.readWithOwner(request.name)
        } catch {
            throw TableOpenError(error.text(request.name))
        }
        lines = Array(LogicalLines(content))
    }

    private static func inlineRules(
        _ text: ArraySlice<UInt8>, type: String
    ) throws(TableOpenError) -> [LogicalLines.Line] {
        do {
            var content: [UInt8] = []
            for element in ListSyntax.split(try ListSyntax.unbrace(text)) {
                content.append(contentsOf: try ListSyntax.unbrace(element))
                content.append(0x0A)
            }
            return Array(LogicalLines(content))
        } catch {
            throw TableOpenError("\(type) map: \(error.reason)")
        }
    }

    /// Calls `body` with each rule; lines that cannot be rules are reported here.
    func forEachRule(_ body: (_ rule: ArraySlice<UInt8>, _ line: Int) -> Void) {
        for line in lines {
            if line.startsWithSpace {
                let excerpt = line.text.prefix(30).shown + (line.text.count > 30 ? "..." : "")
                place.log.warning("\(place.source): logical line must not start with whitespace: \"\(excerpt)\"")
                continue
            }
            body(ListSyntax.trim(line.text[...]), line.number)
        }
    }

    func warn(_ line: Int, _ text: String) { place.warn(line, text) }

    func warnWithoutPlace(_ text: String) { place.log.warning(text) }
}

/// Which table a rule is in, for messages.
struct RulePlace: Sendable {
    let type: String
    let source: String
    let log: MailLog

    func warn(_ line: Int, _ text: String) { log.warning("\(type) map \(source), line \(line): \(text)") }
}

/// The statement that a line of a rule table begins with.
enum RuleStatement {
    case `if`(ArraySlice<UInt8>)
    case endif(ArraySlice<UInt8>)
    case rule

    /// Keywords ignore case and end before any character that is not alphanumeric.
    init(_ text: ArraySlice<UInt8>) {
        if let rest = Self.after("if", text) {
            self = .if(rest)
        } else if let rest = Self.after("endif", text) {
            self = .endif(rest)
        } else {
            self = .rule
        }
    }

    private static func after(_ keyword: String, _ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let head = text.prefix(keyword.utf8.count)
        guard CaseFolding.fold(Array(head), utf8: false).elementsEqual(keyword.utf8) else { return nil }
        let rest = text.dropFirst(keyword.utf8.count)
        if let next = rest.first, isAlphanumeric(next) { return nil }
        return ListSyntax.trim(rest)
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A)
    }
}
