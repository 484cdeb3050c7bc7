/// `texthash:/path`: a postmap source file, read into memory once (DATABASE_README, texthash).
struct TextHashTable: ImmediateTable, ListableTable {
    let name: String
    let owner: TableOwner
    private let keys: KeyFolding
    private let entries: OctetMap

    var takesWholeKeyOnly: Bool { false }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        return try TextHashTable(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        keys = KeyFolding(request.options)
        let path = request.name
        let text: [UInt8]
        do {
            (text, owner) = try TableFile.readWithOwner(path)
        } catch {
            throw TableOpenError(error.text(path, opening: "open database"))
        }
        var entries = OctetMap()
        var reader = SourceReader(path, text, options: request.options, ignoredSuffix: " -- ignoring this line")
        while let entry = reader.next(warn: request.log.warning) {
            if entries.insert(keys.fold(entry.key), entry.value) { continue }
            if request.options.contains(.replaceDuplicates) {
                entries.insert(keys.fold(entry.key), entry.value, replacing: true)
            } else if !request.options.contains(.ignoreDuplicates) {
                request.log.warning("\(path), line \(entry.line): duplicate entry: \"\(entry.key.shown)\"")
            }
        }
        self.entries = entries
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? { entries[keys.fold(key)] }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) { entries.forEach(body) }
}
