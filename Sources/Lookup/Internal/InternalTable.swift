import Synchronization

/// `internal:name`: a table in the process's memory, empty at first; one for each name (DATABASE_README, internal).
final class InternalTable: ImmediateTable, UpdatableTable, ListableTable {
    let name: String
    private let keys: KeyFolding
    private let entries: Mutex<[[UInt8]: [UInt8]]> = Mutex([:])

    var takesWholeKeyOnly: Bool { false }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        InternalTable(request)
    }

    private init(_ request: TableRequest) {
        name = "\(request.specification)"
        keys = KeyFolding(request.options)
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? { entries.withLock { $0[keys.fold(key)] } }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) {
        for (key, value) in entries.withLock({ $0 }) { body(key, value) }
    }

    func update(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(LookupError) -> UpdateResult {
        entries.withLock { $0[keys.fold(Array(key))] = Array(value) }
        return .stored
    }

    func delete(_ key: [UInt8]) throws(LookupError) -> Bool {
        entries.withLock { $0.removeValue(forKey: keys.fold(key)) != nil }
    }

    func close() throws(LookupError) {}
}
