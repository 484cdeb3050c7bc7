import MailSyntax
import MailSystem

/// The patterns of a match list such as mydestination or mynetworks, in order: the first that matches decides.
struct PatternList: Sendable {
    struct Pattern: Sendable {
        var negated: Bool
        var kind: Kind
    }

    enum Kind: Sendable {
        case text(String)
        case table(any LookupTable)
        /// A file that could not be read.
        case unreadable(any LookupTable)
    }

    let name: String
    let patterns: [Pattern]
    let log: MailLog

    /// - Parameter name: the parameter, for log lines.
    init(_ value: String, name: String, opener: TableOpener) {
        self.name = name
        log = opener.log
        var patterns: [Pattern] = []
        Self.parse(Array(value.utf8)[...], negated: false, depth: 0, name, opener, into: &patterns)
        self.patterns = patterns
    }

    private static func parse(
        _ text: ArraySlice<UInt8>, negated: Bool, depth: Int, _ name: String, _ opener: TableOpener,
        into patterns: inout [Pattern]
    ) {
        for element in ListSyntax.split(text) {
            if element.first == UInt8(ascii: "#") {
                opener.log.warning(
                    "\(name): #comment after other text is not allowed: \(element.prefix(20).text) ...")
                return
            }
            var pattern = element
            var negated = negated
            while pattern.first == UInt8(ascii: "!") {
                negated.toggle()
                pattern.removeFirst()
            }
            guard let first = pattern.first else {
                opener.log.warning("\(name): no pattern after '!'")
                continue
            }
            if first == UInt8(ascii: "/") {
                readFile(pattern.text, negated: negated, depth: depth, name, opener, into: &patterns)
            } else if isTable(pattern) {
                patterns.append(Pattern(negated: negated, kind: .table(opener.open(pattern.text))))
            } else {
                patterns.append(Pattern(negated: negated, kind: .text(CaseFolding.fold(pattern.text))))
            }
        }
    }

    /// A colon that is not inside `[ ]` (an IPv6 address) makes `type:name`.
    private static func isTable(_ pattern: ArraySlice<UInt8>) -> Bool {
        guard pattern.first != UInt8(ascii: "[") else {
            guard let close = pattern.firstIndex(of: UInt8(ascii: "]")) else { return false }
            return pattern[close...].contains(UInt8(ascii: ":"))
        }
        return pattern.contains(UInt8(ascii: ":"))
    }

    private static func readFile(
        _ path: String, negated: Bool, depth: Int, _ name: String, _ opener: TableOpener,
        into patterns: inout [Pattern]
    ) {
        let reason: String
        do {
            let text = try TableFile.read(path)
            // A file that includes itself must not run away with the process.
            if depth < 20 {
                for line in LogicalLines(text) {
                    parse(line.text[...], negated: negated, depth: depth + 1, name, opener, into: &patterns)
                }
                return
            }
            reason = "open file \(path): Too many levels of files"
        } catch {
            reason = error.text(path, opening: "open file")
        }
        opener.log.error(reason)
        let table = UnavailableTable(name: "non-existent:\(path)", reason: reason, log: opener.log)
        patterns.append(Pattern(negated: negated, kind: .unreadable(table)))
    }

    /// Walks the patterns until `matches` says yes for one.
    func firstMatch(
        _ matches: (Kind) async throws(LookupError) -> Bool
    ) async throws(LookupError) -> Bool {
        for pattern in patterns where try await matches(pattern.kind) { return !pattern.negated }
        return false
    }

    /// Whether `key` is in the table; a failure is logged under the list's name.
    func contains(_ table: any LookupTable, _ key: String) async throws(LookupError) -> Bool {
        do {
            return try await table.find(key) != nil
        } catch {
            log.warning("\(name): \(table.name): table lookup problem")
            throw error
        }
    }
}
