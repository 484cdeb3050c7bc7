/// A list of plain words: smtpd_sasl_exceptions, masquerade_exceptions, debug lists …
public struct StringList: Sendable {
    private let list: PatternList

    public var isEmpty: Bool { list.patterns.isEmpty }

    /// - Parameter name: the parameter's name, for log lines.
    public init(_ value: String, name: String, opener: TableOpener) {
        list = PatternList(value, name: name, opener: opener)
    }

    /// Case does not matter. Throws when a table cannot answer, which has been logged.
    public func matches(_ text: String) async throws(LookupError) -> Bool {
        let folded = CaseFolding.fold(text)
        return try await list.firstMatch { kind throws(LookupError) in
            switch kind {
            case .text(let pattern): pattern.utf8.elementsEqual(folded.utf8)
            case .table(let table), .unreadable(let table): try await list.contains(table, folded)
            }
        }
    }
}
