import Glibc
import Synchronization

/// An `lmdb:` table that is made or changed: all in one transaction, so that readers see the old table until `close`.
final class LMDBWriter: UpdatableTable, ImmediateTable {
    let name: String
    private let path: String
    private let options: TableOptions
    private let keys: KeyFolding
    private let state: Mutex<State>

    private struct State {
        let environment: LMDBEnvironment
        /// What the transaction holds, to begin it again in a larger map.
        var journal = ChangeJournal()
        var isEmptied: Bool
        /// Key and value as they are stored, in memory that is used again.
        var key: [UInt8] = []
        var value: [UInt8] = []
    }

    var takesWholeKeyOnly: Bool { false }

    init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        path = "\(request.name).lmdb"
        options = request.options
        keys = KeyFolding(request.options)
        let empties = request.options.contains(.create)
        do { try LMDBCheck.prepare(path, emptying: empties) } catch {
            throw TableOpenError("open database \(path): \(error.reason)")
        }
        do throws(LMDBEnvironment.Failure) {
            let environment = try LMDBEnvironment(
                path: path, create: empties || request.options.contains(.createIfMissing),
                mapSize: Self.mapSize(request))
            _ = RecordLock.set(environment.descriptor, .exclusive, wait: true)
            try environment.beginWriting()
            if empties { try environment.removeAll() }
            // Readers may go on: they see the last transaction until this one is committed.
            _ = RecordLock.set(environment.descriptor, .shared, wait: true)
            state = Mutex(State(environment: environment, isEmptied: empties))
        } catch {
            throw Self.openError(path, error)
        }
    }

    /// A missing library is reported as such, not as a problem of the file.
    private static func openError(_ path: String, _ error: LMDBEnvironment.Failure) -> TableOpenError {
        TableOpenError(error.status == 0 ? error.reason : "open database \(path): \(error.reason)")
    }

    /// Room for the entries to come: pages may be half full.
    private static func mapSize(_ request: TableRequest) -> Int {
        let (settings, entry) = (request.settings, 32)
        let size = min(max(settings.expectedSize, 0), 1 << 36) + min(max(settings.expectedCount, 0), 1 << 32) * entry
        let needed = settings.lmdbMapSize + 4 * size
        return (needed + 0xF_FFFF) & ~0xF_FFFF
    }

    func complaint(_ operation: String, _ error: LookupError) -> String {
        "error \(operation == "delete" ? "deleting" : "updating") \(name): \(error.reason)"
    }

    private var storesNUL: Bool { options.contains(.keysWithNUL) || !options.contains(.keysWithoutNUL) }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? {
        throw LookupError(table: name, reason: "the table is open for changes only")
    }

    func update(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(LookupError) -> UpdateResult {
        let (folded, terminates) = (keys.fold(key), storesNUL)
        let replacing = options.contains(.replaceDuplicates)
        return try changing { state throws(LMDBEnvironment.Failure) in
            Self.fill(&state.key, folded, terminates)
            Self.fill(&state.value, value, terminates)
            guard try state.environment.put(state.key, state.value, replacing: replacing) else { return .duplicate }
            state.journal.append(key: state.key, value: state.value)
            return .stored
        }
    }

    private static func fill(_ memory: inout [UInt8], _ bytes: ArraySlice<UInt8>, _ terminates: Bool) {
        memory.removeAll(keepingCapacity: true)
        memory.append(contentsOf: bytes)
        if terminates { memory.append(0) }
    }

    func delete(_ key: [UInt8]) throws(LookupError) -> Bool {
        let folded = keys.fold(key)
        return try changing { state throws(LMDBEnvironment.Failure) in
            if options.triesKeysWithNUL, try state.environment.delete(folded + [0]) {
                state.journal.append(key: folded + [0], value: nil)
                return true
            }
            guard options.triesKeysWithoutNUL, try state.environment.delete(folded) else { return false }
            state.journal.append(key: folded, value: nil)
            return true
        }
    }

    func close() throws(LookupError) {
        try changing { state throws(LMDBEnvironment.Failure) in
            try state.environment.commit()
            state.journal = ChangeJournal()
            _ = RecordLock.set(state.environment.descriptor, .none, wait: false)
        }
    }

    /// When the file is full, all is done again in a map of twice the size.
    private func changing<Value: Sendable>(
        _ body: (inout State) throws(LMDBEnvironment.Failure) -> Value
    ) throws(LookupError) -> Value {
        let result: Result<Value, LookupError> = state.withLock { state in
            do throws(LMDBEnvironment.Failure) {
                while true {
                    do throws(LMDBEnvironment.Failure) {
                        return .success(try body(&state))
                    } catch {
                        guard error.status == LMDBLibrary.Status.mapFull else { throw error }
                        try Self.enlarge(&state)
                    }
                }
            } catch {
                return .failure(LookupError(table: name, reason: error.reason))
            }
        }
        return try result.get()
    }

    private static func enlarge(_ state: inout State) throws(LMDBEnvironment.Failure) {
        let environment = state.environment
        environment.abandon()
        guard environment.mapSize < 1 << 46 else {
            throw LMDBEnvironment.Failure(status: ENOSPC, reason: String(cString: strerror(ENOSPC)))
        }
        try environment.resize(environment.mapSize * 2)
        _ = RecordLock.set(environment.descriptor, .exclusive, wait: true)
        try environment.beginWriting()
        if state.isEmptied { try environment.removeAll() }
        try state.journal.forEach { key, value throws(LMDBEnvironment.Failure) in
            if let value {
                _ = try environment.put(key, value, replacing: true)
            } else {
                _ = try environment.delete(key)
            }
        }
        _ = RecordLock.set(environment.descriptor, .shared, wait: true)
    }
}
