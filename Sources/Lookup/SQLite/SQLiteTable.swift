import MailSystem
import Synchronization

/// `sqlite:/file.cf`: a query to an SQLite database (sqlite_table(5)).
final class SQLiteTable: LookupTable {
    let name: String
    private let plan: QueryPlan
    private let settingsName: String
    private let log: MailLog
    private let connection: SQLiteConnection
    private let pool: ClientPool<SQLiteTurn>

    var takesWholeKeyOnly: Bool { plan.takesWholeKeyOnly }
    var owner: TableOwner { plan.owner }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        return try SQLiteTable(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        log = request.log
        let settings = try ClientSettings(request)
        settingsName = settings.name
        let path = try settings.string("dbpath", "", minimum: 1)
        plan = try QueryPlan(
            request, settings, query: try SQLQuery.text(settings), function: "dict_sqlite_lookup")
        let library = try SQLiteLibrary.load()
        do {
            connection = try SQLiteConnection(library, path: path)
        } catch {
            throw TableOpenError("\(request.specification): Can't open database: \(error.reason)")
        }
        // One connection, open before the process loses sight of the file: lookups take turns on a thread.
        pool = ClientPool(limit: 1, idleSeconds: 3600) { SQLiteTurn() }
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        guard let parts = try await plan.key(key),
            let query = plan.query.expand(parts, key: parts, quote: Self.quoted)
        else { return nil }
        let answer = try await pool.run(for: name) { [connection] _ in connection.rows(of: query) }
        switch answer {
        case .success(let rows): return try plan.result(rows, key: parts)
        case .failure(let failure):
            log.warning("dict_sqlite_lookup: \(settingsName): SQL \(failure.step) failed: \(failure.reason)")
            throw LookupError(table: name, reason: failure.reason)
        }
    }

    /// In SQL a quote inside quotes is doubled; nothing else is special.
    static func quoted(_ text: [UInt8]) -> [UInt8] {
        let quote = UInt8(ascii: "'")
        // A NUL would end the query.
        return text.flatMap { $0 == quote ? [quote, quote] : $0 == 0 ? [] : [$0] }
    }
}

/// A turn at the only connection.
final class SQLiteTurn: BlockingClient {}

/// The functions of libsqlite3 that tables use.
struct SQLiteLibrary: Sendable {
    typealias Handle = OpaquePointer

    let open:
        @convention(c) @Sendable (UnsafePointer<CChar>, UnsafeMutablePointer<Handle?>, CInt, UnsafePointer<CChar>?) ->
            CInt
    let close: @convention(c) @Sendable (Handle) -> CInt
    let busyTimeout: @convention(c) @Sendable (Handle, CInt) -> CInt
    let prepare:
        @convention(c) @Sendable (
            Handle, UnsafePointer<CChar>, CInt, UnsafeMutablePointer<Handle?>,
            UnsafeMutablePointer<UnsafePointer<CChar>?>?
        ) -> CInt
    let step: @convention(c) @Sendable (Handle) -> CInt
    let columnText: @convention(c) @Sendable (Handle, CInt) -> UnsafePointer<UInt8>?
    let columnSize: @convention(c) @Sendable (Handle, CInt) -> CInt
    let finalize: @convention(c) @Sendable (Handle) -> CInt
    let message: @convention(c) @Sendable (Handle) -> UnsafePointer<CChar>?

    private static let loaded = Result { () throws(TableOpenError) -> SQLiteLibrary in try SQLiteLibrary() }

    static func load() throws(TableOpenError) -> SQLiteLibrary { try loaded.get() }

    private init() throws(TableOpenError) {
        let library = try SharedLibrary("libsqlite3.so.0", type: "sqlite", package: "libsqlite3-0")
        open = try library.function("sqlite3_open_v2")
        close = try library.function("sqlite3_close_v2")
        busyTimeout = try library.function("sqlite3_busy_timeout")
        prepare = try library.function("sqlite3_prepare_v2")
        step = try library.function("sqlite3_step")
        columnText = try library.function("sqlite3_column_text")
        columnSize = try library.function("sqlite3_column_bytes")
        finalize = try library.function("sqlite3_finalize")
        message = try library.function("sqlite3_errmsg")
    }
}

/// `@unchecked Sendable`: opened in the library's serialized mode, which any thread may use.
final class SQLiteConnection: @unchecked Sendable {
    struct Failure: Error {
        let step: String
        let reason: String
    }

    private let library: SQLiteLibrary
    private let handle: OpaquePointer

    private enum Flag {
        static let readOnly: CInt = 0x1
        static let readWrite: CInt = 0x2
        static let fullMutex: CInt = 0x10000
    }
    private static let row: CInt = 100
    private static let done: CInt = 101
    /// No table of mail routes has results of more than this, octets.
    private static let sizeLimit = 16 << 20

    init(_ library: SQLiteLibrary, path: String) throws(Failure) {
        self.library = library
        var handle: OpaquePointer?
        // A database with a write-ahead log may need writing even to be read.
        for flag in [Flag.readWrite, Flag.readOnly] {
            if let handle { _ = library.close(handle) }
            handle = nil
            guard library.open(path, &handle, flag | Flag.fullMutex, nil) == 0, let opened = handle else { continue }
            self.handle = opened
            _ = library.busyTimeout(opened, 5_000)
            return
        }
        let reason = handle.flatMap { library.message($0) }.map { String(cString: $0) } ?? "out of memory"
        if let handle { _ = library.close(handle) }
        throw Failure(step: "open", reason: reason)
    }

    deinit { _ = library.close(handle) }

    private func failure(_ step: String) -> Failure {
        Failure(step: step, reason: library.message(handle).map { String(cString: $0) } ?? "unknown error")
    }

    /// The first column of each row.
    func rows(of query: [UInt8]) -> Result<[[UInt8]], Failure> {
        var statement: OpaquePointer?
        let text = query.map { CChar(bitPattern: $0) } + [0]
        let status = library.prepare(handle, text, CInt(clamping: text.count), &statement, nil)
        guard status == 0 else { return .failure(failure("prepare")) }
        guard let statement else { return .success([]) }
        defer { _ = library.finalize(statement) }
        var rows: [[UInt8]] = []
        var size = 0
        while true {
            switch library.step(statement) {
            case Self.row:
                guard let column = library.columnText(statement, 0) else { continue }
                let count = Int(library.columnSize(statement, 0))
                size += count + 16
                guard size <= Self.sizeLimit else { return .failure(Failure(step: "step", reason: "too many rows")) }
                rows.append(Array(UnsafeBufferPointer(start: column, count: count)))
            case Self.done: return .success(rows)
            default: return .failure(failure("step"))
            }
        }
    }
}
