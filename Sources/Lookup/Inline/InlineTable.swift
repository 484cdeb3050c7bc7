/// `inline:{ key = value, { key = text with spaces } }` (DATABASE_README, inline).
struct InlineTable: ImmediateTable, ListableTable {
    let name: String
    private let keys: KeyFolding
    private let entries: OctetMap

    var takesWholeKeyOnly: Bool { false }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        return try InlineTable(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        keys = KeyFolding(request.options)
        let values = request.options.contains(.valueIsFileName)
        let text = Array(request.name.utf8)
        guard text.count > 2, let body = try? ListSyntax.unbrace(text[...]) else {
            throw TableOpenError("bad syntax: \"\(name)\"; need \"inline:{name=value...}\"")
        }
        let hint = "\"\(name)\"; need \"inline:{name=\(values ? "filename" : "value")...}\""
        var entries = OctetMap()
        for element in ListSyntax.split(body) {
            let (key, value) = try Self.pair(element, hint: hint)
            do {
                let stored = values ? try FileValue.encode(value) : value
                entries.insert(keys.fold(key)[...], stored[...], replacing: true)
            } catch {
                throw TableOpenError("\(error.reason): \(hint)")
            }
        }
        if entries.isEmpty { throw TableOpenError("empty table: \(hint)") }
        self.entries = entries
    }

    private static func pair(
        _ element: ArraySlice<UInt8>, hint: String
    ) throws(TableOpenError) -> ([UInt8], [UInt8]) {
        var text = element
        if element.first == UInt8(ascii: "{") {
            do {
                text = try ListSyntax.unbrace(element)
            } catch {
                throw TableOpenError("\(error.reason): \(hint)")
            }
        }
        let key = Self.key(text)
        let rest = ListSyntax.trim(text[key.endIndex...])
        guard rest.first == UInt8(ascii: "=") else {
            throw TableOpenError("missing '=' after attribute name: \(hint)")
        }
        return (Array(key), Array(ListSyntax.trim(rest.dropFirst())))
    }

    /// Ends at white space or `=`, but not within double quotes (`"a b"@example.com`) or after a backslash.
    private static func key(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var (quoted, escaped) = (false, false)
        return text.prefix { byte in
            if escaped || byte == UInt8(ascii: "\\") {
                escaped.toggle()
                return true
            }
            if byte == UInt8(ascii: "\"") { quoted.toggle() }
            return quoted || (!ListSyntax.isSpace(byte) && byte != UInt8(ascii: "="))
        }
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? { entries[keys.fold(key)] }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) { entries.forEach(body) }
}
