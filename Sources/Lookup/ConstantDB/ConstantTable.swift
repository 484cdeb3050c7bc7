import Glibc
import Synchronization

/// `cdb:/path`: the constant database `/path.cdb` (CDB_README). postmap replaces the file; the next lookup opens it anew.
final class ConstantTable: ImmediateTable, ListableTable {
    let name: String
    let logName: String
    private let path: String
    private let options: TableOptions
    private let keys: KeyFolding
    private let isMapped: Bool
    private let state: Mutex<State>

    private struct State {
        var file: ConstantFile
        var withNUL: Bool
        var withoutNUL: Bool
        /// When the path was last compared with the open file, seconds.
        var checked = time(nil)

        init(_ file: ConstantFile, _ options: TableOptions) {
            self.file = file
            withNUL = options.triesKeysWithNUL
            withoutNUL = options.triesKeysWithoutNUL
        }
    }

    var takesWholeKeyOnly: Bool { false }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        if request.options.contains(.create) { return try ConstantWriter(request) }
        if request.options.contains(.writable) {
            throw TableOpenError(
                "dict_cdb_open: inappropriate open flags for cdb database"
                    + " - specify O_RDONLY or O_WRONLY|O_CREAT|O_TRUNC")
        }
        return try ConstantTable(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        logName = name
        path = "\(request.name).cdb"
        options = request.options
        keys = KeyFolding(request.options)
        isMapped = request.settings.mapsFiles
        state = Mutex(State(try Self.file(path, isMapped), request.options))
        SourceAge.warnIfOlder(path, than: request.name, request.log)
    }

    private static func file(_ path: String, _ isMapped: Bool) throws(TableOpenError) -> ConstantFile {
        guard let lock = TableLock(path: path, writing: false) else {
            throw TableOpenError("open database \(path): \(String(cString: strerror(errno)))")
        }
        do { return try ConstantFile(lock, isMapped: isMapped) } catch {
            throw TableOpenError("open database \(path): \(String(cString: strerror(EPROTO)))")
        }
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? {
        let folded = keys.fold(key)
        return try withState { state throws(ConstantFile.Malformed) in
            follow(&state)
            if state.withoutNUL, let value = try state.file.get(folded) {
                state.withNUL = false
                return BerkeleyTable.untilNUL(value)
            }
            guard state.withNUL, let value = try state.file.get(folded + [0]) else { return nil }
            state.withoutNUL = false
            return BerkeleyTable.untilNUL(value)
        }
    }

    /// Opens the file that has taken the place of the one in use.
    private func follow(_ state: inout State) {
        let clock = time(nil)
        guard state.checked != clock else { return }
        state.checked = clock
        guard let there = FileStamp(path: path), let now = state.file.lock.status(), !there.isSameFile(as: now),
            let next = try? Self.file(path, isMapped)
        else { return }
        state = State(next, options)
    }

    var hasChanged: Bool {
        state.withLock { state in
            guard let now = state.file.lock.status() else { return true }
            return now.links == 0 && access(path, R_OK) != 0
        }
    }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) {
        try withState { state throws(ConstantFile.Malformed) in
            try state.file.forEach { body(BerkeleyTable.untilNUL($0), BerkeleyTable.untilNUL($1)) }
        }
    }

    private func withState<Value: Sendable>(
        _ body: (inout State) throws(ConstantFile.Malformed) -> Value
    ) throws(LookupError) -> Value {
        let result: Result<Value, LookupError> = state.withLock { state in
            do throws(ConstantFile.Malformed) {
                return .success(try body(&state))
            } catch {
                return .failure(LookupError(table: name, reason: String(cString: strerror(EPROTO))))
            }
        }
        return try result.get()
    }
}
