import Glibc

/// `lmdb:/path`: the LMDB file `/path.lmdb` (lmdb_table(5)). What others change in it is seen by the next lookup.
final class LMDBTable: KeyedFile {
    static let logSuffix = ""
    static let terminatesKeys = true

    private let environment: LMDBEnvironment
    /// Between `begin` and `end`.
    private var transaction: LMDBLibrary.Handle?

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        if request.options.isDisjoint(with: [.writable, .create]) {
            return try KeyedTable(request, LMDBTable.self, suffix: ".lmdb")
        }
        return try LMDBWriter(request)
    }

    required init(_ place: KeyedFilePlace, again: Bool) throws(TableOpenError) {
        do {
            environment = try LMDBEnvironment(
                path: place.path, writable: false, create: false, mapSize: place.settings.lmdbMapSize)
        } catch {
            throw Self.openError(place.path, error)
        }
    }

    /// A missing library is reported as such, not as a problem of the file.
    static func openError(_ path: String, _ error: LMDBEnvironment.Failure) -> TableOpenError {
        TableOpenError(error.status == 0 ? error.reason : "open database \(path): \(error.reason)")
    }

    var descriptor: CInt { environment.descriptor }

    func begin() throws(FileProblem) -> KeyedFileStatus {
        guard RecordLock.set(descriptor, .shared, wait: false) else { return .busy }
        do {
            transaction = try environment.beginReading()
        } catch {
            _ = RecordLock.set(descriptor, .none, wait: false)
            throw FileProblem(error.reason)
        }
        return .ready(isRewritten: false, isRemoved: FileStamp(descriptor: descriptor)?.links == 0)
    }

    func end() {
        if let transaction { environment.endReading(transaction) }
        transaction = nil
        _ = RecordLock.set(descriptor, .none, wait: false)
    }

    func get(_ key: [UInt8]) throws(FileProblem) -> [UInt8]? {
        guard let transaction else { throw FileProblem("no transaction") }
        do { return try environment.get(key, in: transaction) } catch { throw FileProblem(error.reason) }
    }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(FileProblem) {
        _ = RecordLock.set(descriptor, .shared, wait: true)
        defer { _ = RecordLock.set(descriptor, .none, wait: false) }
        do {
            let transaction = try environment.beginReading()
            defer { environment.endReading(transaction) }
            try environment.forEach(in: transaction, body)
        } catch {
            throw FileProblem(error.reason)
        }
    }
}
