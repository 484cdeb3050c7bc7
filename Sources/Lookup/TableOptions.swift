/// How a table is opened.
public struct TableOptions: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Fold keys of tables with fixed strings (hash, texthash, inline …) to lower case: postmap without `-f`.
    public static let foldKeys = TableOptions(rawValue: 1 << 0)
    /// Keys and values must be UTF-8, and keys fold beyond ASCII: `smtputf8_enable = yes`.
    public static let utf8 = TableOptions(rawValue: 1 << 1)
    /// Values in the source name files whose content is the value, base64 coded: postmap `-F`.
    public static let valueIsFileName = TableOptions(rawValue: 1 << 2)
    /// Refuse `$1` in results: security-sensitive tables (local aliases, virtual owners).
    public static let noSubstitution = TableOptions(rawValue: 1 << 3)
    /// The answer grants privileges (local aliases, virtual owners): no servers that nobody authenticates, no proxy.
    public static let sensitive = TableOptions(rawValue: 1 << 4)
    /// Look keys up without, then with a trailing NUL, or only one way: postmap `-n`, `-N`. Neither: both.
    public static let keysWithoutNUL = TableOptions(rawValue: 1 << 5)
    public static let keysWithNUL = TableOptions(rawValue: 1 << 6)
    var triesKeysWithNUL: Bool { contains(.keysWithNUL) || !contains(.keysWithoutNUL) }
    var triesKeysWithoutNUL: Bool { contains(.keysWithoutNUL) || !contains(.keysWithNUL) }
    /// Open an existing table for `UpdatableTable`.
    public static let writable = TableOptions(rawValue: 1 << 7)
    /// With `writable`: start with an empty table.
    public static let create = TableOptions(rawValue: 1 << 8)
    /// On a second value for a key: replace it (postmap `-r`), or keep the first silently (`-w`). Neither: keep and warn.
    public static let replaceDuplicates = TableOptions(rawValue: 1 << 9)
    public static let ignoreDuplicates = TableOptions(rawValue: 1 << 10)

    /// Keys and values need not be UTF-8, whatever `smtputf8_enable` says: header_checks and body_checks.
    public static let anyOctets = TableOptions(rawValue: 1 << 11)
    /// With `writable`: make the table when there is none.
    public static let createIfMissing = TableOptions(rawValue: 1 << 12)

    /// What daemons use, apart from `utf8`.
    public static let standard: TableOptions = [.foldKeys]
    /// For tables of local(8) and virtual(8) that name users, files and commands.
    public static let privileged: TableOptions = [.foldKeys, .noSubstitution, .sensitive]
}
