import Glibc

/// `cdb:/path`: the constant database `/path.cdb` (CDB_README). postmap replaces the file, so readers need no lock.
final class ConstantTable: KeyedFile {
    static let logSuffix = ""
    static let terminatesKeys = false

    private let file: ConstantFile

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        if request.options.contains(.create) { return try ConstantWriter(request) }
        if request.options.contains(.writable) {
            throw TableOpenError(
                "dict_cdb_open: inappropriate open flags for cdb database"
                    + " - specify O_RDONLY or O_WRONLY|O_CREAT|O_TRUNC")
        }
        return try KeyedTable(request, ConstantTable.self, suffix: ".cdb")
    }

    required init(_ place: KeyedFilePlace, again: Bool) throws(TableOpenError) {
        guard let lock = TableLock(path: place.path, writing: false) else { throw place.failure(errno: errno) }
        do { file = try ConstantFile(lock, isMapped: place.settings.mapsFiles) } catch {
            throw place.failure(error.reason)
        }
    }

    var descriptor: CInt { file.lock.descriptor }

    func begin() throws(FileProblem) -> KeyedFileStatus {
        .ready(isRewritten: false, isRemoved: FileStamp(descriptor: descriptor)?.links == 0)
    }

    func end() {}

    func get(_ key: [UInt8]) throws(FileProblem) -> [UInt8]? { try file.get(key) }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(FileProblem) { try file.forEach(body) }
}
