import Glibc

/// `lmdb:/path`: the LMDB file `/path.lmdb` (lmdb_table(5)). What others change in it is seen by the next lookup.
final class LMDBTable: KeyedFile {
    static let logSuffix = ""
    static let terminatesKeys = true

    private let place: KeyedFilePlace
    private let file: TableLock
    /// The file's state when its pages were first read.
    private var stamp: FileStamp
    private var pages: LMDBPages

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        if request.options.isDisjoint(with: [.writable, .create]) {
            return try KeyedTable(request, LMDBTable.self, suffix: ".lmdb")
        }
        return try LMDBWriter(request)
    }

    required init(_ place: KeyedFilePlace, again: Bool) throws(TableOpenError) {
        guard let file = TableLock(path: place.path, writing: false) else { throw place.failure(errno: errno) }
        guard RecordLock.set(file.descriptor, .shared, wait: !again) else { throw place.failure("file is locked") }
        defer { _ = RecordLock.set(file.descriptor, .none, wait: false) }
        guard let stamp = file.status() else { throw place.failure(errno: errno) }
        do {
            pages = try Self.pages(try Self.snapshot(file), file, stamp, place.settings)
        } catch {
            throw place.failure(error.reason)
        }
        self.place = place
        self.file = file
        self.stamp = stamp
    }

    /// A writer of ours may commit while readers look: what is half written is read again.
    private static func snapshot(_ file: TableLock) throws(LMDBPages.Malformed) -> LMDBSnapshot {
        var last = try LMDBSnapshot(file.descriptor)
        for _ in 0..<100 {
            let next = try LMDBSnapshot(file.descriptor)
            if next == last { return next }
            last = next
        }
        throw LMDBPages.Malformed("the file changes all the time")
    }

    private static func pages(
        _ snapshot: LMDBSnapshot, _ file: TableLock, _ stamp: FileStamp, _ settings: TableSettings
    ) throws(LMDBPages.Malformed) -> LMDBPages {
        try LMDBPages(
            snapshot, descriptor: file.descriptor, fileSize: stamp.size, cacheSize: settings.readBufferSize,
            map: settings.mapsFiles ? FileMap(file.descriptor, size: stamp.size) : nil)
    }

    var descriptor: CInt { file.descriptor }

    func begin() throws(FileProblem) -> KeyedFileStatus {
        guard RecordLock.set(descriptor, .shared, wait: false) else { return .busy }
        guard let now = file.status() else {
            let problem = FileProblem("fstat \(place.path): \(FileProblem(errno: errno).reason)")
            end()
            throw problem
        }
        do {
            // The pages of one transaction stay as they are, unless another file was copied over this one.
            if try LMDBSnapshot(descriptor) != pages.snapshot || !now.hasSameContent(as: stamp) {
                pages = try Self.pages(try Self.snapshot(file), file, now, place.settings)
                stamp = now
            }
        } catch {
            end()
            throw problem(error, now)
        }
        return .ready(isRewritten: false, isRemoved: now.links == 0)
    }

    func end() { _ = RecordLock.set(descriptor, .none, wait: false) }

    func get(_ key: [UInt8]) throws(FileProblem) -> [UInt8]? {
        do { return try pages.get(key) } catch { throw problem(error, stamp) }
    }

    /// Somebody may be copying a fresh file without a lock.
    private func problem(_ error: LMDBPages.Malformed, _ stamp: FileStamp) -> FileProblem {
        FileProblem(error.reason, mayPass: time(nil) - stamp.seconds < 5)
    }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(FileProblem) {
        _ = RecordLock.set(descriptor, .shared, wait: true)
        defer { end() }
        guard let now = file.status() else { throw FileProblem(errno: errno) }
        do {
            try Self.pages(try Self.snapshot(file), file, now, place.settings).forEach(body)
        } catch {
            throw FileProblem(error.reason)
        }
    }
}
