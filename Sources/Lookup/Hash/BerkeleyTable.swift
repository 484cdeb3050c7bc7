import CBerkeleyDB
import Glibc

/// `hash:/path` and `btree:/path`: the Berkeley DB file `/path.db`, as Postfix's postmap makes it (DATABASE_README).
final class BerkeleyTable: KeyedFile {
    static let logSuffix = ".db"
    static let terminatesKeys = true

    private let place: KeyedFilePlace
    private let lock: TableLock
    private var pages: BerkeleyPages
    /// The file's state when its pages were first read.
    private var stamp: FileStamp

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        if request.options.isDisjoint(with: [.writable, .create]) {
            return try KeyedTable(request, BerkeleyTable.self, suffix: ".db")
        }
        return try BerkeleyWriter(request)
    }

    /// `DB_HASH` or `DB_BTREE`.
    static func type(_ request: TableRequest) -> DBTYPE { request.type == "btree" ? DB_BTREE : DB_HASH }

    required init(_ place: KeyedFilePlace, again: Bool) throws(TableOpenError) {
        let lock = try Self.locked(place, waits: !again)
        defer { lock.unlock() }
        guard let stamp = lock.status() else { throw place.failure(errno: errno) }
        do {
            pages = try Self.pages(lock, stamp, place.settings)
        } catch {
            throw place.failure(errno: EINVAL)
        }
        if !again, pages.isTree != (place.type == "btree") { throw place.failure(errno: EINVAL) }
        self.place = place
        self.lock = lock
        self.stamp = stamp
    }

    private static func locked(_ place: KeyedFilePlace, waits: Bool) throws(TableOpenError) -> TableLock {
        while true {
            guard let lock = TableLock(path: place.path, writing: false) else { throw place.failure(errno: errno) }
            if !waits {
                guard lock.tryLockShared() else { throw place.failure("file is locked") }
                return lock
            }
            lock.lock(exclusive: false)
            // While this reader waited, the writer may have put a new file in the place of the one that is locked now.
            guard let now = lock.status(), let there = FileStamp(path: place.path), !there.isSameFile(as: now) else {
                return lock
            }
        }
    }

    private static func pages(
        _ lock: TableLock, _ stamp: FileStamp, _ settings: TableSettings
    ) throws(BerkeleyPages.Malformed) -> BerkeleyPages {
        let map = settings.mapsFiles ? FileMap(lock.descriptor, size: stamp.size) : nil
        return try BerkeleyPages(descriptor: lock.descriptor, cacheSize: settings.readBufferSize, map: map)
    }

    var descriptor: CInt { lock.descriptor }

    func begin() throws(FileProblem) -> KeyedFileStatus {
        guard lock.tryLockShared() else { return .busy }
        guard let now = lock.status() else {
            let problem = FileProblem("fstat \(place.path): \(FileProblem(errno: errno).reason)")
            lock.unlock()
            throw problem
        }
        let isRewritten = !now.hasSameContent(as: stamp)
        if isRewritten {
            do {
                pages = try Self.pages(lock, now, place.settings)
            } catch {
                lock.unlock()
                throw problem(error, now)
            }
            stamp = now
        }
        return .ready(isRewritten: isRewritten, isRemoved: now.links == 0)
    }

    func end() { lock.unlock() }

    func get(_ key: [UInt8]) throws(FileProblem) -> [UInt8]? {
        do { return try pages.get(key) } catch { throw problem(error, stamp) }
    }

    /// Somebody may be writing a fresh file without a lock.
    private func problem(_ error: BerkeleyPages.Malformed, _ stamp: FileStamp) -> FileProblem {
        FileProblem(error.reason, mayPass: time(nil) - stamp.seconds < 5)
    }

    /// In the order in which the library's own cursor goes.
    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(FileProblem) {
        lock.lock(exclusive: false)
        defer { lock.unlock() }
        let type = pages.isTree ? DB_BTREE : DB_HASH
        let cacheSize = max(place.settings.readBufferSize, 4 << 20)
        try BerkeleyFile(path: place.path, type: type, mode: .read, cacheSize: cacheSize).forEach(body)
    }
}
