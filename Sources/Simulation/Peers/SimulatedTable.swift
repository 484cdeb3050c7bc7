import Lookup

/// Tables of type `sim:`: the content is the world's, and so are the failures.
struct SimulatedTable: LookupTable {
    let name: String
    var takesWholeKeyOnly: Bool { false }

    static let register: Void = TableTypes.add("sim") { SimulatedTable(name: "sim:\($0)") }

    func find(_ key: String) async throws(LookupError) -> String? {
        guard let machine = Machines.ofThread else { return nil }
        let table = String(name.dropFirst(4))
        if machine.tableFails(table) {
            machine.world.note("table", "\(name) \(key) fails")
            throw LookupError(table: name, reason: "simulated failure")
        }
        return machine.scene.tables[table]?[key.lowercased()]
    }
}
