/// `randmap:{ value, value }`: one of the values, by chance, for every key (DATABASE_README, randmap).
struct RandomTable: ImmediateTable {
    let name: String
    private let values: [[UInt8]]

    /// A key means nothing here, so its parts must not be tried.
    var takesWholeKeyOnly: Bool { true }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        let name = "\(request.specification)"
        let files = request.options.contains(.valueIsFileName)
        let hint = "\"\(name)\"; need \"randmap:{value...}\""
        guard let body = try? ListSyntax.unbrace(Array(request.name.utf8)[...]), !body.isEmpty else {
            throw TableOpenError("bad syntax: \(hint)")
        }
        var values: [[UInt8]] = []
        for element in ListSyntax.split(body) {
            values.append(files ? try FileValue.encode(Array(element)) : Array(element))
        }
        if values.isEmpty { throw TableOpenError("bad syntax: \(hint)") }
        return RandomTable(name: name, values: values)
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? { values.randomElement() }
}
