import MailSyntax

/// A list of host and domain names: mydestination, relay_domains, virtual_alias_domains …
public struct DomainList: Sendable {
    private let list: PatternList
    private let parentsMatch: Bool

    public var isEmpty: Bool { list.patterns.isEmpty }

    /// - Parameters:
    ///   - value: names, `.parent` (its subdomains), `type:table`, `/file`, each with `!` to exclude.
    ///   - name: the parameter's name, for log lines.
    ///   - parentsMatch: a name also matches its subdomains: the parameter is in `parent_domain_matches_subdomains`.
    public init(_ value: String, name: String, opener: TableOpener, parentsMatch: Bool = false) {
        list = PatternList(value, name: name, opener: opener)
        self.parentsMatch = parentsMatch
    }

    /// - Throws: when a table cannot answer, which has been logged.
    public func matches(_ domain: String) async throws(LookupError) -> Bool {
        let folded = CaseFolding.fold(domain)
        return try await list.firstMatch { kind throws(LookupError) in
            try await Self.matches(folded, kind, list: list, parentsMatch: parentsMatch)
        }
    }

    /// - Parameter name: folded.
    static func matches(
        _ name: String, _ kind: PatternList.Kind, list: PatternList, parentsMatch: Bool
    ) async throws(LookupError) -> Bool {
        switch kind {
        case .text(let pattern):
            return matches(name, pattern, parentsMatch: parentsMatch)
        case .unreadable(let table):
            return try await list.contains(table, name)
        case .table(let table):
            if try await list.contains(table, name) { return true }
            if table.takesWholeKeyOnly { return false }
            for parent in ParentDomains(of: name, dotted: !parentsMatch) {
                if try await list.contains(table, parent) { return true }
            }
            return false
        }
    }

    static func matches(_ name: String, _ pattern: String, parentsMatch: Bool) -> Bool {
        let (name, pattern) = (name.utf8, pattern.utf8)
        if name.elementsEqual(pattern) { return true }
        guard name.count > pattern.count, name.suffix(pattern.count).elementsEqual(pattern) else { return false }
        if !parentsMatch { return pattern.first == UInt8(ascii: ".") }
        return name.dropLast(pattern.count).last == UInt8(ascii: ".")
    }
}
