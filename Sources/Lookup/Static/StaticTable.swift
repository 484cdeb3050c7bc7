/// `static:VALUE` or `static:{ text }`: every key has the value (DATABASE_README, static).
struct StaticTable: ImmediateTable {
    let name: String
    private let value: [UInt8]

    var takesWholeKeyOnly: Bool { false }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        let text = Array(request.name.utf8)
        var value = text
        if text.first == UInt8(ascii: "{") {
            do {
                value = Array(try ListSyntax.unbrace(text[...]))
            } catch {
                throw TableOpenError("bad static:name syntax: \(error.reason)")
            }
        }
        if request.options.contains(.valueIsFileName) { value = try FileValue.encode(value) }
        return StaticTable(name: "\(request.specification)", value: value)
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? { value }
}
