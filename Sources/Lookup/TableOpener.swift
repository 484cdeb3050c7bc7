import MailSystem
import Synchronization

/// Opens tables by their `type:name`, once each, and knows whether one of them has changed since.
///
/// One opener serves a process or a service in it; open every table before chroot and before privileges are dropped.
public final class TableOpener: Sendable {
    public let settings: TableSettings
    public let log: MailLog
    /// Who knows the system's users when a chroot hides them; nil: this process does.
    let systemDatabase: SystemDatabase?
    /// Who reaches the servers of `proxy:` tables when a chroot may hide them; nil: this process does.
    let proxy: ProxyLookup?
    private let opened: OpenTables

    private struct Key: Hashable {
        let specification: String
        let options: TableOptions
    }

    private final class OpenTables: Sendable {
        let tables: Mutex<[Key: any LookupTable]> = Mutex([:])
    }

    public convenience init(settings: TableSettings, log: MailLog) {
        self.init(settings: settings, log: log, systemDatabase: nil)
    }

    private init(_ other: TableOpener, log: MailLog) {
        settings = other.settings
        self.log = log
        systemDatabase = other.systemDatabase
        proxy = other.proxy
        opened = other.opened
    }

    /// An opener of the same tables for another program of the process: what their users have to say goes to its log.
    /// A table's own warnings stay where it was opened first.
    public func logging(to log: MailLog) -> TableOpener { TableOpener(self, log: log) }

    /// - Parameters:
    ///   - systemDatabase: for a process in a chroot.
    ///   - proxy: the same.
    public init(settings: TableSettings, log: MailLog, systemDatabase: SystemDatabase?, proxy: ProxyLookup? = nil) {
        self.settings = settings
        self.log = log
        self.systemDatabase = systemDatabase
        self.proxy = proxy
        opened = OpenTables()
    }

    /// The table, for a daemon. One that cannot be opened is reported, and then fails every lookup: callers answer
    /// "try again later", never "not found".
    public func open(_ specification: String, options: TableOptions = .standard) -> any LookupTable {
        let utf8 = settings.utf8 && !options.contains(.anyOctets)
        let options = utf8 ? options.union(.utf8) : options
        let key = Key(specification: specification, options: options)
        if let table = opened.tables.withLock({ $0[key] }) { return table }
        let table: any LookupTable
        do {
            table = try openOrThrow(specification, options: options)
        } catch {
            log.error(error.reason)
            table = UnavailableTable(name: specification, reason: error.reason, log: log)
        }
        return opened.tables.withLock { tables in
            if let first = tables[key] { return first }
            tables[key] = table
            return table
        }
    }

    /// The table, for a command that gives up when it cannot be opened. Not recorded for `anyChanged`.
    public func openOrThrow(
        _ specification: String, options: TableOptions = .standard
    ) throws(TableOpenError) -> any LookupTable {
        try openOrThrow(TableSpecification(specification), options: options)
    }

    public func openOrThrow(
        _ specification: TableSpecification, options: TableOptions = .standard
    ) throws(TableOpenError) -> any LookupTable {
        let table = try openUnchecked(specification, options: options)
        return options.contains(.utf8) ? UTF8CheckedTable(table, log: log) : table
    }

    /// The table as its type makes it: whatever octets it holds, and with the operations of `ListableTable` and
    /// `UpdatableTable` where it has them.
    public func openUnchecked(
        _ specification: TableSpecification, options: TableOptions = .standard
    ) throws(TableOpenError) -> any LookupTable {
        let specification = settings.redirected(specification)
        guard let type = TableTypes.find(specification.type) else {
            throw TableTypes.unsupported(specification.type)
        }
        return try type.open(TableRequest(specification: specification, options: options, opener: self))
    }

    /// All tables that `open` has given out.
    public var openTables: [any LookupTable] { opened.tables.withLock { Array($0.values) } }

    /// True once a table's source was replaced or modified and the table could not follow by itself: time for a new
    /// generation of the process.
    public func anyChanged() -> Bool { openTables.contains { $0.hasChanged } }
}
