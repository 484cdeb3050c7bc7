/// A lookup that could not be answered: a table that cannot be read, a server that does not reply. Mail waits (451,
/// 4xx); a failed lookup is never "not found".
public struct LookupError: Error, Equatable, Sendable, CustomStringConvertible {
    /// `type:name` of the table.
    public let table: String
    public let reason: String

    public init(table: String, reason: String) {
        self.table = table
        self.reason = reason
    }

    public var description: String { "\(table): \(reason)" }
}

/// What a table can say at once.
public enum ImmediateAnswer: Sendable {
    /// The value, or nil when the table has none.
    case value([UInt8]?)
    /// The answer takes time: `find(octets:)` has it.
    case later
}

/// One lookup table, whatever its type. Keys and values are UTF-8 text.
public protocol LookupTable: Sendable {
    /// `type:name` as main.cf has it.
    var name: String { get }

    /// `type:name` as log lines have it: with the suffix of the file that is read.
    var logName: String { get }

    /// True for types that take only the whole query (regexp, pcre, cidr, tcp, socketmap …): callers then skip
    /// partial keys such as `user@`, parent domains and address prefixes, as access(5) and virtual(5) document.
    var takesWholeKeyOnly: Bool { get }

    /// The value for `key`, or nil when the table has none. Folds the key's case where the type does.
    func find(_ key: String) async throws(LookupError) -> String?

    /// `find` for octets of any kind, such as header and body lines (header_checks(5)).
    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]?

    /// `find(octets:)` for callers that cannot suspend, or ask so often that suspending costs more than the lookup.
    func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer

    /// `true`: many lookups follow at once, so a table may keep its lock from one to the next. `false` releases it. Not for
    /// daemons: a writer waits meanwhile.
    func keepLock(_ keeps: Bool)

    /// True once the source behind an opened table has been replaced or modified.
    var hasChanged: Bool { get }

    /// Whose rights what it says may have.
    var owner: TableOwner { get }
}

extension LookupTable {
    public var logName: String { name }
    public var hasChanged: Bool { false }
    public var owner: TableOwner { .trusted }

    public func keepLock(_ keeps: Bool) {}

    public func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer { .later }

    public func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        try await find(String(decoding: key, as: UTF8.self)).map { Array($0.utf8) }
    }
}

/// A table that answers without waiting: from memory or from a local file.
public protocol ImmediateTable: LookupTable {
    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]?
}

extension ImmediateTable {
    public func find(_ key: String) async throws(LookupError) -> String? {
        try lookUp(Array(key.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    public func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? { try lookUp(key) }

    public func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer { .value(try lookUp(key)) }
}

/// A table whose entries can be listed: `postmap -s`.
public protocol ListableTable: LookupTable {
    /// Calls `body` with each entry, in the table's own order.
    func forEach(_ body: (_ key: [UInt8], _ value: [UInt8]) -> Void) throws(LookupError)

    /// The same, one entry at a time.
    func cursor() -> any TableCursor
}

/// A place between two entries of a table.
public protocol TableCursor: Sendable {
    /// The next entry, nil at the end.
    mutating func next() throws(LookupError) -> (key: [UInt8], value: [UInt8])?
}

extension ListableTable {
    public func cursor() -> any TableCursor { SnapshotCursor(table: self) }
}

/// Reads the whole table when it is first asked.
private struct SnapshotCursor: TableCursor {
    let table: any ListableTable
    private var rest: [(key: [UInt8], value: [UInt8])]?

    init(table: any ListableTable) { self.table = table }

    mutating func next() throws(LookupError) -> (key: [UInt8], value: [UInt8])? {
        if rest == nil {
            var found: [(key: [UInt8], value: [UInt8])] = []
            try table.forEach { found.append(($0, $1)) }
            rest = found.reversed()
        }
        return rest?.popLast()
    }
}

/// What became of a new entry.
public enum UpdateResult: Sendable {
    case stored
    /// The key has a value already, which stays.
    case duplicate
}

/// A table that commands change in place: `postmap`, `postmap -i`, `postmap -d`.
public protocol UpdatableTable: LookupTable {
    /// The file, for messages.
    var fileName: String { get }
    func update(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(LookupError) -> UpdateResult
    /// Returns false when there was no such key.
    func delete(_ key: [UInt8]) throws(LookupError) -> Bool
    /// All changes are in the file when this returns. No calls after it.
    func close() throws(LookupError)
    /// What a command says when an operation (`write`, `delete`) failed.
    func complaint(_ operation: String, _ error: LookupError) -> String
}

extension UpdatableTable {
    public var fileName: String { name }

    public func complaint(_ operation: String, _ error: LookupError) -> String {
        "table \(logName): \(operation) error\(error.reason.isEmpty ? "" : ": \(error.reason)")"
    }

    public func update(_ key: [UInt8], _ value: [UInt8]) throws(LookupError) -> UpdateResult {
        try update(key[...], value[...])
    }
}
