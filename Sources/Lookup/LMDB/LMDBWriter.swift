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
        var journal: [Change] = []
        var isEmptied: Bool
    }

    private enum Change {
        case put([UInt8], [UInt8])
        case delete([UInt8])
    }

    var takesWholeKeyOnly: Bool { false }

    init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        path = "\(request.name).lmdb"
        options = request.options
        keys = KeyFolding(request.options)
        let empties = request.options.contains(.create)
        do throws(LMDBEnvironment.Failure) {
            let environment = try LMDBEnvironment(
                path: path, writable: true, create: empties || request.options.contains(.createIfMissing),
                mapSize: Self.mapSize(request))
            _ = RecordLock.set(environment.descriptor, .exclusive, wait: true)
            try environment.beginWriting()
            if empties { try environment.removeAll() }
            // Readers may go on: they see the last transaction until this one is committed.
            _ = RecordLock.set(environment.descriptor, .shared, wait: true)
            state = Mutex(State(environment: environment, isEmptied: empties))
        } catch {
            throw LMDBTable.openError(path, error)
        }
    }

    /// Room for the entries to come: pages may be half full.
    private static func mapSize(_ request: TableRequest) -> Int {
        let (settings, entry) = (request.settings, 32)
        let size = min(max(settings.expectedSize, 0), 1 << 36) + min(max(settings.expectedCount, 0), 1 << 32) * entry
        let needed = settings.lmdbMapSize + 4 * size
        return (needed + 0xF_FFFF) & ~0xF_FFFF
    }

    private var storesNUL: Bool { options.contains(.keysWithNUL) || !options.contains(.keysWithoutNUL) }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? {
        throw LookupError(table: name, reason: "the table is open for changes only")
    }

    func update(_ key: [UInt8], _ value: [UInt8]) throws(LookupError) -> UpdateResult {
        let end: [UInt8] = storesNUL ? [0] : []
        let folded = keys.fold(key) + end
        let terminated = value + end
        let replacing = options.contains(.replaceDuplicates)
        return try changing { state throws(LMDBEnvironment.Failure) in
            guard try state.environment.put(folded, terminated, replacing: replacing) else { return .duplicate }
            state.journal.append(.put(folded, terminated))
            return .stored
        }
    }

    func delete(_ key: [UInt8]) throws(LookupError) -> Bool {
        let folded = keys.fold(key)
        return try changing { state throws(LMDBEnvironment.Failure) in
            if options.triesKeysWithNUL, try state.environment.delete(folded + [0]) {
                state.journal.append(.delete(folded + [0]))
                return true
            }
            guard options.triesKeysWithoutNUL, try state.environment.delete(folded) else { return false }
            state.journal.append(.delete(folded))
            return true
        }
    }

    func close() throws(LookupError) {
        try changing { state throws(LMDBEnvironment.Failure) in
            try state.environment.commit()
            state.journal = []
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
        for change in state.journal {
            switch change {
            case .put(let key, let value): _ = try environment.put(key, value, replacing: true)
            case .delete(let key): _ = try environment.delete(key)
            }
        }
        _ = RecordLock.set(environment.descriptor, .shared, wait: true)
    }
}
