import Glibc

/// `environ:anything`: the process environment (DATABASE_README, environ). Keys fold like those of other tables.
struct EnvironmentTable: ImmediateTable {
    let name: String
    let keys: KeyFolding

    var takesWholeKeyOnly: Bool { false }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        return EnvironmentTable(name: "\(request.specification)", keys: KeyFolding(request.options))
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? {
        guard let value = getenv(keys.fold(key).text) else { return nil }
        return Array(String(cString: value).utf8)
    }
}
