import Glibc

/// One LMDB file with its only database, open for changes. Not for use from two threads at once.
///
/// As Postfix does, it uses fcntl locks instead of LMDB's own, which would need lock files that all may write
/// (lmdb_table(5)).
final class LMDBEnvironment {
    struct Failure: Error {
        let status: CInt
        let reason: String
    }

    let library: LMDBLibrary
    let descriptor: CInt
    private let environment: LMDBLibrary.Handle
    private(set) var database: CUnsignedInt = 0
    private var writing: LMDBLibrary.Handle?

    /// - Parameter mapSize: bytes that the file may grow to; what the file says counts if that is more.
    init(path: String, create: Bool, mapSize: Int) throws(Failure) {
        do { library = try LMDBLibrary.load() } catch { throw Failure(status: 0, reason: error.reason) }
        var pointer: LMDBLibrary.Handle?
        let created = library.environmentCreate(&pointer)
        guard created == 0, let environment = pointer else {
            throw Failure(status: created, reason: library.reason(created))
        }
        let flags = LMDBLibrary.Flag.noSubdirectory | LMDBLibrary.Flag.noLock | LMDBLibrary.Flag.noThreadStorage
        // LMDB makes what it opens for writing.
        var status: CInt = !create && access(path, F_OK) != 0 ? errno : 0
        if status == 0 { status = library.setMapSize(environment, max(mapSize, 1 << 20)) }
        if status == 0 { status = library.environmentOpen(environment, path, flags, 0o644) }
        var descriptor: CInt = -1
        if status == 0 { status = library.descriptor(environment, &descriptor) }
        guard status == 0 else {
            library.environmentClose(environment)
            throw Failure(status: status, reason: library.reason(status))
        }
        self.environment = environment
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit {
        if let writing { library.abort(writing) }
        library.environmentClose(environment)
    }

    private func check(_ status: CInt) throws(Failure) {
        if status != 0 { throw Failure(status: status, reason: library.reason(status)) }
    }

    var mapSize: Int {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { info in
            guard let base = info.baseAddress, library.environmentInfo(environment, base) == 0 else { return 0 }
            return info.load(fromByteOffset: 8, as: Int.self)
        }
    }

    /// Takes the size of the file from the file, or a new one. No transaction may be open.
    func resize(_ size: Int) throws(Failure) {
        try check(library.setMapSize(environment, size))
    }

    /// With the exclusive lock held.
    func beginWriting() throws(Failure) {
        var transaction: LMDBLibrary.Handle?
        var status = library.begin(environment, nil, 0, &transaction)
        if status == LMDBLibrary.Status.mapResized {
            try resize(0)
            status = library.begin(environment, nil, 0, &transaction)
        }
        try check(status)
        guard let transaction else { throw Failure(status: ENOMEM, reason: "no transaction") }
        writing = transaction
        try check(library.openDatabase(transaction, nil, 0, &database))
    }

    private func current() throws(Failure) -> LMDBLibrary.Handle {
        guard let writing else { throw Failure(status: EINVAL, reason: "no transaction") }
        return writing
    }

    func removeAll() throws(Failure) { try check(library.drop(try current(), database, 0)) }

    private static let badValueSize: CInt = -30_781

    /// Returns false when the key exists and must not be replaced.
    func put(_ key: [UInt8], _ value: [UInt8], replacing: Bool) throws(Failure) -> Bool {
        let transaction = try current()
        let status = Self.withWords(key) { keyWords in
            Self.withWords(value) { valueWords in
                library.put(
                    transaction, database, keyWords, valueWords, replacing ? 0 : LMDBLibrary.Flag.noOverwrite)
            }
        }
        if status == LMDBLibrary.Status.keyExists { return false }
        try check(status)
        return true
    }

    /// Returns false when there is no such key.
    func delete(_ key: [UInt8]) throws(Failure) -> Bool {
        let transaction = try current()
        let status = Self.withWords(key) { library.delete(transaction, database, $0, nil) }
        if status == LMDBLibrary.Status.notFound || status == Self.badValueSize { return false }
        try check(status)
        return true
    }

    func abandon() {
        if let writing { library.abort(writing) }
        writing = nil
    }

    func commit() throws(Failure) {
        guard let transaction = writing else { return }
        writing = nil
        try check(library.commit(transaction))
    }

    /// Calls `body` with an `MDB_val` of `bytes`, which the library does not write to.
    private static func withWords(_ bytes: [UInt8], _ body: (UnsafeMutableRawPointer) -> CInt) -> CInt {
        bytes.withUnsafeBytes { buffer in
            withUnsafeTemporaryAllocation(of: UInt.self, capacity: 2) { words in
                words[0] = UInt(buffer.count)
                words[1] = UInt(bitPattern: buffer.baseAddress)
                return words.baseAddress.map { body(UnsafeMutableRawPointer($0)) } ?? ENOMEM
            }
        }
    }
}
