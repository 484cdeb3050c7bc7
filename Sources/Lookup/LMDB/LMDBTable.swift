import Glibc
import Synchronization

/// `lmdb:/path`: the LMDB file `/path.lmdb` (lmdb_table(5)). What others change in it is seen by the next lookup.
final class LMDBTable: LookupTable, ListableTable {
    let name: String
    let logName: String
    private let path: String
    private let options: TableOptions
    private let keys: KeyFolding
    private let mapSize: Int
    private let state: Mutex<State>

    private struct State {
        var environment: LMDBEnvironment
        var withNUL: Bool
        var withoutNUL: Bool
        /// When the file was last looked at, seconds.
        var checked = 0
    }

    var takesWholeKeyOnly: Bool { false }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        if request.options.isDisjoint(with: [.writable, .create]) { return try LMDBTable(request) }
        return try LMDBWriter(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        logName = name
        path = "\(request.name).lmdb"
        options = request.options
        keys = KeyFolding(request.options)
        mapSize = request.settings.lmdbMapSize
        let environment: LMDBEnvironment
        do {
            environment = try LMDBEnvironment(path: path, writable: false, create: false, mapSize: mapSize)
        } catch {
            throw Self.openError(path, error)
        }
        state = Mutex(Self.state(environment, request.options))
        SourceAge.warnIfOlder(path, than: request.name, request.log)
    }

    private static func state(_ environment: LMDBEnvironment, _ options: TableOptions) -> State {
        State(
            environment: environment, withNUL: options.triesKeysWithNUL, withoutNUL: options.triesKeysWithoutNUL)
    }

    /// A missing library is reported as such, not as a problem of the file.
    static func openError(_ path: String, _ error: LMDBEnvironment.Failure) -> TableOpenError {
        TableOpenError(error.status == 0 ? error.reason : "open database \(path): \(error.reason)")
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        for _ in 0..<3_000 {
            if case .value(let value) = try answerNow(key) { return value }
            do { try await Task.sleep(nanoseconds: 20_000_000) } catch { break }
        }
        throw LookupError(table: name, reason: "the table is locked")
    }

    func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer {
        let folded = keys.fold(key)
        return try withState { state throws(LMDBEnvironment.Failure) in
            self.follow(&state)
            let environment = state.environment
            guard RecordLock.set(environment.descriptor, .shared, wait: false) else { return .later }
            defer { _ = RecordLock.set(environment.descriptor, .none, wait: false) }
            let (terminated, plain) = (state.withNUL, state.withoutNUL)
            var kinds = (withNUL: terminated, withoutNUL: plain)
            let value = try environment.withReading { transaction throws(LMDBEnvironment.Failure) -> [UInt8]? in
                if terminated, let value = try environment.get(folded + [0], in: transaction) {
                    kinds.withoutNUL = false
                    return value
                }
                guard plain, let value = try environment.get(folded, in: transaction) else { return nil }
                kinds.withNUL = false
                return value
            }
            (state.withNUL, state.withoutNUL) = kinds
            return .value(value.map(BerkeleyTable.untilNUL))
        }
    }

    /// Opens the file that has taken the place of the one in use.
    private func follow(_ state: inout State) {
        let clock = time(nil)
        guard state.checked != clock else { return }
        state.checked = clock
        guard Self.isRemoved(state.environment),
            let next = try? LMDBEnvironment(path: path, writable: false, create: false, mapSize: mapSize)
        else { return }
        state = Self.state(next, options)
    }

    private static func isRemoved(_ environment: LMDBEnvironment) -> Bool {
        var status = stat()
        return fstat(environment.descriptor, &status) == 0 && status.st_nlink == 0
    }

    var hasChanged: Bool {
        state.withLock { Self.isRemoved($0.environment) && access(path, R_OK) != 0 }
    }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) {
        try withState { state throws(LMDBEnvironment.Failure) in
            let environment = state.environment
            _ = RecordLock.set(environment.descriptor, .shared, wait: true)
            defer { _ = RecordLock.set(environment.descriptor, .none, wait: false) }
            try environment.withReading { transaction throws(LMDBEnvironment.Failure) in
                try environment.forEach(in: transaction) {
                    body(BerkeleyTable.untilNUL($0), BerkeleyTable.untilNUL($1))
                }
            }
        }
    }

    private func withState<Value: Sendable>(
        _ body: (inout State) throws(LMDBEnvironment.Failure) -> Value
    ) throws(LookupError) -> Value {
        let result: Result<Value, LookupError> = state.withLock { state in
            do throws(LMDBEnvironment.Failure) {
                return .success(try body(&state))
            } catch {
                return .failure(LookupError(table: name, reason: error.reason))
            }
        }
        return try result.get()
    }
}
