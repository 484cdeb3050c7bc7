/// `fail:text`: every operation fails (DATABASE_README, fail). For tests.
struct FailTable: UpdatableTable, ListableTable, ImmediateTable {
    let name: String

    var takesWholeKeyOnly: Bool { false }

    private var failure: LookupError { LookupError(table: name, reason: "Application error") }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        FailTable(name: "\(request.specification)")
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? { throw failure }
    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) { throw failure }
    func update(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(LookupError) -> UpdateResult {
        throw failure
    }
    func delete(_ key: [UInt8]) throws(LookupError) -> Bool { throw failure }
    func close() throws(LookupError) {}
}
