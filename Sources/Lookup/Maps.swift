import Configuration
import MailSystem

/// The tables of a parameter such as `virtual_alias_maps`, asked in order.
public struct Maps: Sendable {
    public let tables: [any LookupTable]
    /// What warnings about their answers call them; nil: by the table's name.
    private let title: String?
    private let log: MailLog

    /// - Parameters:
    ///   - specifications: the parameter's value: `type:name` elements between commas or white space.
    ///   - options: `.foldKeys` for keys whose case does not matter.
    public init(
        _ specifications: String, title: String? = nil, opener: TableOpener, options: TableOptions = .standard
    ) {
        self.init(
            tables: ListSyntax.split(specifications).map { opener.open($0, options: options) }, title: title,
            log: opener.log)
    }

    /// The tables of a parameter.
    public init(
        _ parameter: String, of parameters: Parameters, opener: TableOpener, options: TableOptions = .standard
    ) {
        self.init(parameters[parameter], title: parameter, opener: opener, options: options)
    }

    public init(tables: [any LookupTable], title: String? = nil, log: MailLog) {
        self.tables = tables
        self.title = title
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
                log.warning("\(table.logName) lookup error for \"\(key)\"")
                throw error
            }
            guard let value else { continue }
            if !value.isEmpty { return value }
            throw emptyResult(table, key)
        }
        return nil
    }

    /// `find` for whole keys of any octets, without suspending where a table has its answer at hand.
    public func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        for table in tables {
            let value: [UInt8]?
            do {
                if case .value(let answer) = try table.answerNow(key) {
                    value = answer
                } else {
                    value = try await table.find(octets: key)
                }
            } catch {
                log.warning("\(table.logName) lookup error for \"\(key.shown)\"")
                throw error
            }
            guard let value else { continue }
            if !value.isEmpty { return value }
            throw emptyResult(table, key.shown)
        }
        return nil
    }

    private func emptyResult(_ table: any LookupTable, _ key: String) -> LookupError {
        let title = title ?? table.logName
        log.warning("\(title) lookup of \(key) returns an empty string result")
        log.warning("\(title) should return NO RESULT in case of NOT FOUND")
        return LookupError(table: table.name, reason: LookupError.emptyResult)
    }
}

extension LookupError {
    fileprivate static let emptyResult = "empty string result"

    /// The table has answered, with nothing: whoever made it meant something else.
    public var isEmptyResult: Bool { reason == Self.emptyResult }
}
