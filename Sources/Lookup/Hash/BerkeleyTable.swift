import CBerkeleyDB
import Glibc
import MailSystem
import Synchronization

/// `hash:/path` and `btree:/path`: the Berkeley DB file `/path.db`, as Postfix's postmap makes it (DATABASE_README).
///
/// A file that is rewritten in place, as Debian's postmap does, is followed through the open descriptor, also behind a
/// chroot; lookups wait while it is being written. One that was replaced by another file is opened anew before the next
/// lookup; where that is out of reach (chroot, dropped privileges) `hasChanged` says so, and the old file goes on
/// answering until the process's next generation.
final class BerkeleyTable: LookupTable, ListableTable {
    let name: String
    let logName: String
    let path: String
    private let cacheSize: Int
    private let options: TableOptions
    private let keys: KeyFolding
    private let state: Mutex<State>

    private struct State {
        var pages: BerkeleyPages
        var lock: TableLock
        /// The file's state when its pages were first read.
        var stamp: FileStamp
        /// Which kinds of keys to try. Once a lookup succeeds, only its kind: postmap writes all keys alike.
        var withNUL: Bool
        var withoutNUL: Bool
        var keepsLock = false
        /// The lock is held, and the pages are those of the file as it is.
        var isLocked = false
        /// When the path was last compared with the open file, seconds.
        var checked = 0

        init(_ opened: Opened, _ options: TableOptions) {
            (pages, lock, stamp) = opened
            withNUL = options.triesKeysWithNUL
            withoutNUL = options.triesKeysWithoutNUL
        }
    }

    private enum Attempt {
        case answer([UInt8]?)
        /// A writer has the file.
        case busy
    }

    var takesWholeKeyOnly: Bool { false }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        if request.options.isDisjoint(with: [.writable, .create]) { return try BerkeleyTable(request) }
        return try BerkeleyWriter(request)
    }

    /// `DB_HASH` or `DB_BTREE`.
    static func type(_ request: TableRequest) -> DBTYPE { request.type == "btree" ? DB_BTREE : DB_HASH }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        logName = "\(name).db"
        path = "\(request.name).db"
        options = request.options
        keys = KeyFolding(request.options)
        cacheSize = request.settings.readBufferSize
        let opened = try Self.open(path, type: request.type, cacheSize, wait: true)
        state = Mutex(State(opened, options))
        SourceAge.warnIfOlder(path, than: request.name, request.log)
    }

    private typealias Opened = (pages: BerkeleyPages, lock: TableLock, stamp: FileStamp)

    static func failure(_ path: String, _ reason: String) -> TableOpenError {
        TableOpenError("open database \(path): \(reason)")
    }

    static func failure(_ path: String) -> TableOpenError { failure(path, String(cString: strerror(errno))) }

    /// - Parameters:
    ///   - type: the type that the file must have; nil: any.
    ///   - wait: for a writer that has the file; otherwise that is an error.
    private static func open(
        _ path: String, type: String?, _ cacheSize: Int, wait: Bool
    ) throws(TableOpenError) -> Opened {
        guard let lock = TableLock(path: path, writing: false) else { throw failure(path) }
        if wait {
            lock.lock(exclusive: false)
        } else if !lock.tryLockShared() {
            throw failure(path, "file is locked")
        }
        defer { lock.unlock() }
        let pages: BerkeleyPages
        do {
            pages = try BerkeleyPages(descriptor: lock.descriptor, cacheSize: cacheSize)
        } catch {
            throw failure(path, String(cString: strerror(EINVAL)))
        }
        if let type, pages.isTree != (type == "btree") { throw failure(path, String(cString: strerror(EINVAL))) }
        guard let stamp = lock.status() else { throw failure(path) }
        return (pages, lock, stamp)
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

    func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer {
        switch try attempt(keys.fold(key)) {
        case .answer(let value): .value(value)
        case .busy: .later
        }
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
        if state.isLocked {
            do { return .answer(try Self.get(key, &state)) } catch { throw failure(error.reason) }
        }
        guard state.lock.tryLockShared() else { return .busy }
        defer { if !state.isLocked { state.lock.unlock() } }
        guard let now = state.lock.status() else { throw failure("fstat \(path): \(String(cString: strerror(errno)))") }
        if let replacement = replacement(of: now, &state) {
            renew(&state, replacement)
            return .busy
        }
        do {
            if !now.hasSameContent(as: state.stamp) {
                let pages = try BerkeleyPages(descriptor: state.lock.descriptor, cacheSize: cacheSize)
                renew(&state, (pages, state.lock, now))
            }
            let answer = try Self.get(key, &state)
            state.isLocked = state.keepsLock
            return .answer(answer)
        } catch {
            // Somebody may be writing it without a lock.
            if time(nil) - now.seconds < 5 { return .busy }
            throw failure(error.reason)
        }
    }

    private static func get(_ key: [UInt8], _ state: inout State) throws(BerkeleyPages.Malformed) -> [UInt8]? {
        if state.withNUL, let value = try state.pages.get(key + [0]) {
            state.withoutNUL = false
            return untilNUL(value)
        }
        guard state.withoutNUL, let value = try state.pages.get(key) else { return nil }
        state.withNUL = false
        return untilNUL(value)
    }

    private func renew(_ state: inout State, _ opened: Opened) {
        let (keepsLock, checked) = (state.keepsLock, state.checked)
        state = State(opened, options)
        state.keepsLock = keepsLock
        state.checked = checked
    }

    func keepLock(_ keeps: Bool) {
        state.withLock { state in
            state.keepsLock = keeps
            guard !keeps, state.isLocked else { return }
            state.isLocked = false
            state.lock.unlock()
        }
    }

    /// The file that has taken the place of the one in use, if it can be opened. The old one answers until then.
    private func replacement(of now: FileStamp, _ state: inout State) -> Opened? {
        let clock = time(nil)
        guard state.checked != clock || (now.links == 0 && state.stamp.links > 0) else { return nil }
        state.checked = clock
        state.stamp.links = now.links
        if now.links > 0, FileStamp(path: path)?.isSameFile(as: now) ?? true { return nil }
        return try? Self.open(path, type: nil, cacheSize, wait: false)
    }

    /// The file was replaced, and the next lookup cannot follow.
    var hasChanged: Bool {
        state.withLock { state in
            guard let now = state.lock.status() else { return true }
            return now.links == 0 && access(path, R_OK) != 0
        }
    }

    static func untilNUL(_ value: [UInt8]) -> [UInt8] {
        guard let end = value.firstIndex(of: 0) else { return value }
        return Array(value[..<end])
    }

    /// In the order in which the library's own cursor goes.
    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) {
        let result: Result<Void, LookupError> = state.withLock { state in
            state.lock.lock(exclusive: false)
            defer { state.lock.unlock() }
            do throws(BerkeleyFile.Failure) {
                let type = state.pages.isTree ? DB_BTREE : DB_HASH
                let file = try BerkeleyFile(path: path, type: type, mode: .read, cacheSize: max(cacheSize, 4 << 20))
                try file.forEach { body(Self.untilNUL($0), Self.untilNUL($1)) }
                return .success(())
            } catch {
                return .failure(failure(error.reason))
            }
        }
        try result.get()
    }
}
