import MailSystem
import Synchronization

/// What a table type is given to open a table.
struct TableRequest {
    let specification: TableSpecification
    let options: TableOptions
    let opener: TableOpener

    var type: String { specification.type }
    var name: String { specification.name }
    var settings: TableSettings { opener.settings }
    var log: MailLog { opener.log }

    /// For types that can only be read.
    func requireReading() throws(TableOpenError) {
        if options.contains(.writable) || options.contains(.create) {
            throw TableOpenError("\(specification) map requires O_RDONLY access mode")
        }
    }

    /// What a server says grants no privileges: others may answer in its place.
    func refuseSensitiveUse(_ kind: String = "security-sensitive") throws(TableOpenError) {
        if options.contains(.sensitive) {
            throw TableOpenError("\(specification) map is not allowed for \(kind) data")
        }
    }
}

/// A type of table: its name in main.cf and how to open one.
struct TableType: Sendable {
    let name: String
    /// `postmap` can make such tables from a source file.
    var creatable = false
    let open: @Sendable (TableRequest) throws(TableOpenError) -> any LookupTable
}

/// The registry: a new type is a folder and a line here.
public enum TableTypes {
    static let all: [TableType] = [
        TableType(name: "btree", creatable: true, open: BerkeleyTable.open),
        TableType(name: "cdb", creatable: true, open: ConstantTable.open),
        TableType(name: "cidr", open: CIDRTable.open),
        TableType(name: "debug", open: DebugTable.open),
        TableType(name: "environ", open: EnvironmentTable.open),
        TableType(name: "fail", creatable: true, open: FailTable.open),
        TableType(name: "hash", creatable: true, open: BerkeleyTable.open),
        TableType(name: "inline", open: InlineTable.open),
        TableType(name: "internal", open: InternalTable.open),
        TableType(name: "ldap", open: LDAPTable.open),
        TableType(name: "lmdb", creatable: true, open: LMDBTable.open),
        TableType(name: "memcache", open: MemcacheTable.open),
        TableType(name: "mysql", open: MySQLTable.open),
        TableType(name: "pcre", open: PCRETable.open),
        TableType(name: "pgsql", open: PostgreSQLTable.open),
        TableType(name: "pipemap", open: PipeTable.open),
        TableType(name: "proxy", open: ProxyTable.open),
        TableType(name: "randmap", open: RandomTable.open),
        TableType(name: "regexp", open: RegexpTable.open),
        TableType(name: "socketmap", open: SocketmapTable.open),
        TableType(name: "sqlite", open: SQLiteTable.open),
        TableType(name: "static", open: StaticTable.open),
        TableType(name: "tcp", open: TCPTable.open),
        TableType(name: "texthash", open: TextHashTable.open),
        TableType(name: "unionmap", open: UnionTable.open),
        TableType(name: "unix", open: UnixTable.open),
    ]

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// Types that Postfix may have and Apus has not, and what to use instead.
    private static let alternatives = [
        "dbm": "hash: or lmdb:", "sdbm": "hash: or lmdb:", "mongodb": "pgsql:, mysql:, ldap: or socketmap:",
        "netinfo": "ldap:", "nis": "ldap:, or unix: where the system's name service asks NIS", "nisplus": "ldap:",
    ]

    /// The complaint about a type that there is not.
    package static func unsupported(_ name: String) -> TableOpenError {
        let reason = "unsupported dictionary type: \(name)"
        return TableOpenError(alternatives[name].map { "\(reason); use \($0) instead" } ?? reason)
    }

    private static let added = Mutex<[String: TableType]>([:])

    /// A type that programs bring themselves, such as the simulator, with its failing tables.
    /// - Parameter open: makes the table of a name.
    public static func add(_ name: String, open: @escaping @Sendable (String) -> any LookupTable) {
        let type = TableType(name: name) { request throws(TableOpenError) in open(request.name) }
        added.withLock { $0[name] = type }
    }

    static func find(_ name: String) -> TableType? { byName[name] ?? added.withLock { $0[name] } }

    /// Whether `postmap` can make tables of the type from a source.
    public static func canCreate(_ name: String) -> Bool { find(name)?.creatable ?? false }

    /// The names that `postconf -m` lists, sorted.
    public static var names: [String] { all.map(\.name) }
}
