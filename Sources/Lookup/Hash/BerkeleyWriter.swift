import CBerkeleyDB
import Glibc
import MailSystem
import Synchronization

/// A `hash:` or `btree:` table that is made or changed, through the library. It has the writer's lock from the
/// beginning to `close`, so that nobody sees half a table.
final class BerkeleyWriter: UpdatableTable, ImmediateTable {
    let name: String
    let logName: String
    let path: String
    private let options: TableOptions
    private let keys: KeyFolding
    private let state: Mutex<State>

    private struct State {
        let file: BerkeleyFile
        /// Key and value as they are stored, in memory that is used again.
        var key: [UInt8] = []
        var value: [UInt8] = []
        let lock: TableLock
        /// The file under way that takes the place of the table when it is closed.
        var draft: TableDraft?
    }

    var takesWholeKeyOnly: Bool { false }
    var fileName: String { path }

    init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        logName = "\(name).db"
        path = "\(request.name).db"
        options = request.options
        keys = KeyFolding(request.options)
        state = Mutex(try Self.open(request, path))
    }

    private static func open(_ request: TableRequest, _ path: String) throws(TableOpenError) -> State {
        let place = KeyedFilePlace(type: request.type, path: path, settings: request.settings)
        let create = request.options.contains(.create)
        var lock = TableLock(path: path, writing: true)
        let mayCreate = create || request.options.contains(.createIfMissing)
        var isNew = false
        if lock == nil {
            guard errno == ENOENT, mayCreate else { throw place.failure(errno: errno) }
            // Two that begin the same table at once must not both think that they are alone.
            if create { lock = TableLock(path: path, writing: true, creates: true) }
            isNew = lock != nil
        }
        lock?.lock(exclusive: true)
        // While this writer waited, another may have put a new file in the place of the one that is locked now.
        while let held = lock?.status(), let there = FileStamp(path: path), !there.isSameFile(as: held) {
            lock = TableLock(path: path, writing: true)
            lock?.lock(exclusive: true)
            isNew = false
        }
        // A table that is made anew grows beside the old one, which goes on answering. Where the directory cannot
        // take a second file, it is made in place, as Postfix makes it.
        let draft = create ? lock.flatMap { TableDraft(of: path, like: $0, isNew: isNew) } : nil
        do throws(FileProblem) {
            let file = try BerkeleyFile(
                path: draft?.path ?? path, type: BerkeleyTable.type(request), mode: create ? .create : .update,
                cacheSize: cacheSize(request), expectedCount: create ? request.settings.expectedCount : 0)
            if lock == nil {
                lock = TableLock(path: path, writing: true)
                lock?.lock(exclusive: true)
            }
            guard let lock else { throw FileProblem(errno: errno) }
            return State(file: file, lock: lock, draft: draft)
        } catch {
            throw place.failure(error.reason)
        }
    }

    /// `berkeley_db_create_buffer_size`, or all of the table if that is not too much: keys come in any order, and a
    /// table larger than the cache would be read and written again and again while it grows.
    private static func cacheSize(_ request: TableRequest) -> Int {
        let whole = min(max(request.settings.expectedSize, 0), 1 << 28)
        return max(request.settings.createBufferSize, min(whole * 3, 1 << 28))
    }

    /// Keys and values end in NUL as Debian's postmap writes them, unless asked otherwise.
    private var storesNUL: Bool { options.contains(.keysWithNUL) || !options.contains(.keysWithoutNUL) }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? {
        let folded = keys.fold(key)
        return try withState { (state) throws(FileProblem) in
            var value = try state.file.get(folded + [0])
            if value == nil { value = try state.file.get(folded) }
            return value.map { KeyKinds.untilNUL($0) }
        }
    }

    func update(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(LookupError) -> UpdateResult {
        let (folded, terminates) = (keys.fold(key), storesNUL)
        let replacing = options.contains(.replaceDuplicates)
        return try withState { (state) throws(FileProblem) in
            Self.fill(&state.key, folded, terminates)
            Self.fill(&state.value, value, terminates)
            return try state.file.put(state.key, state.value, replacing: replacing) ? .stored : .duplicate
        }
    }

    private static func fill(_ memory: inout [UInt8], _ bytes: ArraySlice<UInt8>, _ terminates: Bool) {
        memory.removeAll(keepingCapacity: true)
        memory.append(contentsOf: bytes)
        if terminates { memory.append(0) }
    }

    /// Tries both kinds of keys, unless told which the table has.
    func delete(_ key: [UInt8]) throws(LookupError) -> Bool {
        let folded = keys.fold(key)
        return try withState { (state) throws(FileProblem) in
            if options.triesKeysWithNUL, try state.file.delete(folded + [0]) { return true }
            return options.triesKeysWithoutNUL ? try state.file.delete(folded) : false
        }
    }

    func close() throws(LookupError) {
        try withState { (state) throws(FileProblem) in
            try state.file.close()
            try state.draft?.publish()
            state.draft = nil
            state.lock.unlock()
        }
    }

    private func withState<Value: Sendable>(
        _ body: (inout State) throws(FileProblem) -> Value
    ) throws(LookupError) -> Value {
        do throws(FileProblem) {
            return try state.withLock { (state) throws(FileProblem) in try body(&state) }
        } catch {
            throw LookupError(table: name, reason: error.reason)
        }
    }
}
