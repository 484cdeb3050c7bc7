import CBerkeleyDB
import Glibc
import MailSystem
import Synchronization

/// `hash:/path` and `btree:/path`: the Berkeley DB file `/path.db`, as Postfix's postmap makes it (DATABASE_README).
///
/// A file that was rebuilt or replaced is opened anew before the next lookup. Where it is out of reach (chroot, dropped
/// privileges), `hasChanged` says so: a replaced file goes on answering as it was, one rewritten in place fails lookups
/// until the process's next generation opens it.
final class BerkeleyTable: LookupTable, ListableTable, UpdatableTable {
    let name: String
    let logName: String
    let path: String
    private let type: DBTYPE
    private let cacheSize: Int
    private let options: TableOptions
    private let keys: KeyFolding
    private let state: Mutex<State>

    private struct State {
        var file: BerkeleyFile
        var lock: TableLock
        /// The file's state when it was opened.
        var stamp: FileStamp
        /// The file under way that takes the place of the table when it is closed.
        var draft: TableDraft?
        /// Which kinds of keys to try. Once a lookup succeeds, only its kind: postmap writes all keys alike.
        var withNUL: Bool
        var withoutNUL: Bool
        /// When the path was last compared with the open file, seconds.
        var checked = 0
    }

    private enum Attempt {
        case answer([UInt8]?)
        /// A writer has the file.
        case busy
    }

    var takesWholeKeyOnly: Bool { false }
    var fileName: String { path }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try BerkeleyTable(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        logName = "\(name).db"
        path = "\(request.name).db"
        type = request.type == "btree" ? DB_BTREE : DB_HASH
        options = request.options
        keys = KeyFolding(request.options)
        let writing = !options.isDisjoint(with: [.writable, .create])
        cacheSize = writing ? request.settings.createBufferSize : request.settings.readBufferSize
        let opened =
            try writing
            ? Self.openForWriting(request, path, type, cacheSize)
            : Self.openForReading(
                path, type, cacheSize, wait: true)
        let plain = options.contains(.keysWithoutNUL)
        let terminated = options.contains(.keysWithNUL)
        state = Mutex(
            State(
                file: opened.file, lock: opened.lock, stamp: opened.stamp, draft: opened.draft,
                withNUL: terminated || !plain,
                withoutNUL: plain || !terminated))
        if !writing { warnIfOlder(than: request.name, opened.stamp, request.log) }
    }

    private typealias Opened = (file: BerkeleyFile, lock: TableLock, stamp: FileStamp, draft: TableDraft?)

    private static func failure(_ path: String, _ reason: String) -> TableOpenError {
        TableOpenError("open database \(path): \(reason)")
    }

    private static func failure(_ path: String) -> TableOpenError { failure(path, String(cString: strerror(errno))) }

    /// - Parameter wait: for a writer that has the file; otherwise that is an error.
    private static func openForReading(
        _ path: String, _ type: DBTYPE, _ cacheSize: Int, wait: Bool
    ) throws(TableOpenError) -> Opened {
        guard let lock = TableLock(path: path, writing: false) else { throw failure(path) }
        if wait {
            lock.lock(exclusive: false)
        } else if !lock.tryLockShared() {
            throw failure(path, "file is locked")
        }
        defer { lock.unlock() }
        do {
            let file = try BerkeleyFile(path: path, type: type, mode: .read, cacheSize: cacheSize)
            guard let stamp = lock.status() else { throw failure(path) }
            return (file, lock, stamp, nil)
        } catch let error as BerkeleyFile.Failure {
            throw failure(path, error.reason)
        } catch let error as TableOpenError {
            throw error
        } catch {
            throw failure(path, "\(error)")
        }
    }

    /// The writer's lock is held from here until the table is closed, so that nobody sees half a table.
    private static func openForWriting(
        _ request: TableRequest, _ path: String, _ type: DBTYPE, _ cacheSize: Int
    ) throws(TableOpenError) -> Opened {
        let create = request.options.contains(.create)
        var lock = TableLock(path: path, writing: true)
        let mayCreate = create || request.options.contains(.createIfMissing)
        if lock == nil, errno != ENOENT || !mayCreate { throw failure(path) }
        lock?.lock(exclusive: true)
        // While this writer waited, another may have put a new file in the place of the one that is locked now.
        while let held = lock?.status(), let there = FileStamp(path: path), !there.isSameFile(as: held) {
            lock = TableLock(path: path, writing: true)
            lock?.lock(exclusive: true)
        }
        // A table that is made anew grows beside the old one, which goes on answering. Where the directory cannot
        // take a second file, it is made in place, as Postfix makes it.
        let draft = create ? lock.flatMap { TableDraft(of: path, like: $0) } : nil
        do {
            let file = try BerkeleyFile(
                path: draft?.path ?? path, type: type, mode: create ? .create : .update, cacheSize: cacheSize,
                expectedCount: create ? request.opener.settings.expectedCount : 0)
            if lock == nil {
                lock = TableLock(path: path, writing: true)
                lock?.lock(exclusive: true)
            }
            guard let lock, let stamp = lock.status() else { throw failure(path) }
            return (file, lock, stamp, draft)
        } catch let error as BerkeleyFile.Failure {
            throw failure(path, error.reason)
        } catch let error as TableOpenError {
            throw error
        } catch {
            throw failure(path, "\(error)")
        }
    }

    /// Not while the source is fresh: the administrator may be about to run postmap.
    private func warnIfOlder(than source: String, _ stamp: FileStamp, _ log: MailLog) {
        guard let newer = FileStamp(path: source), newer.seconds > stamp.seconds,
            newer.seconds < time(nil) - 100
        else { return }
        log.warning("database \(path) is older than source file \(source)")
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        let folded = keys.fold(key)
        // postmap has the file for as long as a table takes to build. A thread must not wait for it; the task may.
        for _ in 0..<3_000 {
            switch try attempt(folded) {
            case .answer(let value): return value
            case .busy:
                do { try await Task.sleep(nanoseconds: 20_000_000) } catch {
                    throw failure("lookup was cancelled")
                }
            }
        }
        throw failure("the table is locked")
    }

    private func failure(_ reason: String) -> LookupError { LookupError(table: name, reason: reason) }

    private func attempt(_ key: [UInt8]) throws(LookupError) -> Attempt {
        let result: Result<Attempt, LookupError> = state.withLock { state in
            do throws(LookupError) {
                return .success(try self.lookUp(key, &state))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func lookUp(_ key: [UInt8], _ state: inout State) throws(LookupError) -> Attempt {
        guard state.lock.tryLockShared() else { return .busy }
        if try reopenIfChanged(&state) { return .busy }
        defer { state.lock.unlock() }
        do {
            if state.withNUL, let value = try state.file.get(key + [0]) {
                state.withoutNUL = false
                return .answer(Self.untilNUL(value))
            }
            if state.withoutNUL, let value = try state.file.get(key) {
                state.withNUL = false
                return .answer(Self.untilNUL(value))
            }
            return .answer(nil)
        } catch {
            throw failure(error.reason)
        }
    }

    /// With the lock held. Returns true when the file was opened anew; the lock is then released.
    private func reopenIfChanged(_ state: inout State) throws(LookupError) -> Bool {
        guard let now = state.lock.status() else { throw failure("fstat \(path): \(String(cString: strerror(errno)))") }
        let rewritten = !now.hasSameContent(as: state.stamp)
        var replaced = now.links == 0
        let clock = time(nil)
        if !rewritten, !replaced, state.checked != clock {
            state.checked = clock
            if let there = FileStamp(path: path) { replaced = !there.isSameFile(as: now) }
        }
        guard rewritten || replaced else { return false }
        guard let opened = try? Self.openForReading(path, type, cacheSize, wait: false) else {
            guard rewritten else { return false }
            state.lock.unlock()
            throw failure("the table has changed and cannot be opened again")
        }
        state.file = opened.file
        state.lock = opened.lock
        state.stamp = opened.stamp
        state.withNUL = options.contains(.keysWithNUL) || !options.contains(.keysWithoutNUL)
        state.withoutNUL = options.contains(.keysWithoutNUL) || !options.contains(.keysWithNUL)
        return true
    }

    /// The file was rewritten or replaced, and the next lookup cannot follow.
    var hasChanged: Bool {
        state.withLock { state in
            guard let now = state.lock.status() else { return true }
            if now.hasSameContent(as: state.stamp), now.links > 0 { return false }
            return access(path, R_OK) != 0
        }
    }

    private static func untilNUL(_ value: [UInt8]) -> [UInt8] { Array(value.prefix { $0 != 0 }) }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) {
        try withState { state in
            state.lock.lock(exclusive: false)
            defer { state.lock.unlock() }
            try state.file.forEach { body(Self.untilNUL($0), Self.untilNUL($1)) }
        }
    }

    /// Keys and values end in NUL as Debian's postmap writes them, unless asked otherwise.
    private var storesNUL: Bool { options.contains(.keysWithNUL) || !options.contains(.keysWithoutNUL) }

    func update(_ key: [UInt8], _ value: [UInt8]) throws(LookupError) -> UpdateResult {
        let end: [UInt8] = storesNUL ? [0] : []
        let folded = keys.fold(key) + end
        let replacing = options.contains(.replaceDuplicates)
        return try withState { state in
            try state.file.put(folded, value + end, replacing: replacing) ? .stored : .duplicate
        }
    }

    func delete(_ key: [UInt8]) throws(LookupError) -> Bool {
        let folded = keys.fold(key)
        return try withState { state in
            if state.withNUL, try state.file.delete(folded + [0]) { return true }
            return state.withoutNUL ? try state.file.delete(folded) : false
        }
    }

    func close() throws(LookupError) {
        try withState { state in
            try state.file.close()
            try state.draft?.publish()
            state.draft = nil
            state.lock.unlock()
        }
    }

    private func withState<Value: Sendable>(_ body: (inout State) throws -> Value) throws(LookupError) -> Value {
        let result: Result<Value, LookupError> = state.withLock { state in
            do {
                return .success(try body(&state))
            } catch let error as BerkeleyFile.Failure {
                return .failure(failure(error.reason))
            } catch {
                return .failure(failure("\(error)"))
            }
        }
        return try result.get()
    }
}
