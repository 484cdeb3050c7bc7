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

/// One lookup table, whatever its type. Keys and values are UTF-8 text.
public protocol LookupTable: Sendable {
    /// `type:name` as main.cf has it.
    var name: String { get }

    /// True for types that take only the whole query (regexp, pcre, cidr, tcp, socketmap …): callers then skip
    /// partial keys such as `user@`, parent domains and address prefixes, as access(5) and virtual(5) document.
    var takesWholeKeyOnly: Bool { get }

    /// The value for `key`, or nil when the table has none. Folds the key's case where the type does.
    func find(_ key: String) async throws(LookupError) -> String?

    /// True once the source behind an opened table has been replaced or modified.
    var hasChanged: Bool { get }
}

extension LookupTable {
    public var hasChanged: Bool { false }
}
