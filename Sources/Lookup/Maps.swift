import MailSystem

/// The tables of a parameter such as `virtual_alias_maps`, asked in order.
public struct Maps: Sendable {
    public let tables: [any LookupTable]
    private let log: MailLog

    /// - Parameters:
    ///   - specifications: the parameter's value: `type:name` elements between commas or white space.
    ///   - options: `.foldKeys` for keys whose case does not matter.
    public init(_ specifications: String, opener: TableOpener, options: TableOptions = .standard) {
        self.init(
            tables: ListSyntax.split(specifications).map { opener.open($0, options: options) }, log: opener.log)
    }

    public init(tables: [any LookupTable], log: MailLog) {
        self.tables = tables
        self.log = log
    }

    public var isEmpty: Bool { tables.isEmpty }

    /// The first table's value for `key`.
    ///
    /// - Parameter partial: `key` is a part of what is looked up (a domain, `user@` …): tables of patterns are skipped.
    /// - Throws: when a table fails before one answers; the failure has been logged.
    public func find(_ key: String, partial: Bool = false) async throws(LookupError) -> String? {
        // No table has an empty key, and patterns must not match what is not there.
        if key.isEmpty { return nil }
        for table in tables where !(partial && table.takesWholeKeyOnly) {
            let value: String?
            do {
                value = try await table.find(key)
            } catch {
                log.warning("\(table.logName) lookup error for \"\(Self.shown(key))\"")
                throw error
            }
            guard let value else { continue }
            if !value.isEmpty { return value }
            log.warning("\(table.logName) lookup of \(Self.shown(key)) returns an empty string result")
            log.warning("\(table.logName) should return NO RESULT in case of NOT FOUND")
            throw LookupError(table: table.name, reason: "empty string result")
        }
        return nil
    }

    private static func shown(_ key: String) -> String { Array(key.utf8.prefix(100)).text }
}
