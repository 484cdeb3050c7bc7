import Glibc

/// One open LMDB file with its only database. Not for use from two threads at once.
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
    /// The reading transaction, begun once and then renewed.
    private var reading: LMDBLibrary.Handle?
    private var writing: LMDBLibrary.Handle?

    /// - Parameter mapSize: bytes that the file may grow to; what the file says counts if that is more.
    init(path: String, writable: Bool, create: Bool, mapSize: Int) throws(Failure) {
        do { library = try LMDBLibrary.load() } catch { throw Failure(status: 0, reason: error.reason) }
        var pointer: LMDBLibrary.Handle?
        let created = library.environmentCreate(&pointer)
        guard created == 0, let environment = pointer else {
            throw Failure(status: created, reason: library.reason(created))
        }
        var flags = LMDBLibrary.Flag.noSubdirectory | LMDBLibrary.Flag.noLock | LMDBLibrary.Flag.noThreadStorage
        if !writable { flags |= LMDBLibrary.Flag.readOnly }
        // LMDB makes what it opens for writing.
        var status: CInt = writable && !create && access(path, F_OK) != 0 ? errno : 0
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
        if let reading { library.abort(reading) }
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
        if let reading { library.abort(reading) }
        reading = nil
        try check(library.setMapSize(environment, size))
    }

    // MARK: Reading, with the shared lock held

    func endReading(_ transaction: LMDBLibrary.Handle) { library.reset(transaction) }

    func beginReading() throws(Failure) -> LMDBLibrary.Handle {
        if let reading, library.renew(reading) == 0 { return reading }
        if let reading { library.abort(reading) }
        reading = nil
        var transaction: LMDBLibrary.Handle?
        var status = library.begin(environment, nil, LMDBLibrary.Flag.readOnly, &transaction)
        if status == LMDBLibrary.Status.mapResized {
            // Another process made the file larger than what is mapped here.
            try resize(0)
            status = library.begin(environment, nil, LMDBLibrary.Flag.readOnly, &transaction)
        }
        try check(status)
        guard let transaction else { throw Failure(status: ENOMEM, reason: "no transaction") }
        let opened = library.openDatabase(transaction, nil, 0, &database)
        if opened != 0 {
            library.abort(transaction)
            try check(opened)
        }
        reading = transaction
        return transaction
    }

    func get(_ key: [UInt8], in transaction: LMDBLibrary.Handle) throws(Failure) -> [UInt8]? {
        var result: [UInt8]?
        let status = Self.withWords(key) { keyWords in
            Self.withWords([]) { valueWords in
                let status = library.get(transaction, database, keyWords, valueWords)
                if status == 0 { result = Self.octets(valueWords) }
                return status
            }
        }
        if status == LMDBLibrary.Status.notFound { return nil }
        // The library refuses keys that are empty or too long for any table to have them.
        if status == Self.badValueSize { return nil }
        try check(status)
        return result
    }

    private static let badValueSize: CInt = -30_781

    func forEach(
        in transaction: LMDBLibrary.Handle, _ body: ([UInt8], [UInt8]) -> Void
    ) throws(Failure) {
        var pointer: LMDBLibrary.Handle?
        try check(library.openCursor(transaction, database, &pointer))
        guard let cursor = pointer else { return }
        defer { library.closeCursor(cursor) }
        while true {
            let status = Self.withWords([]) { key in
                Self.withWords([]) { value in
                    let status = library.cursorGet(cursor, key, value, LMDBLibrary.Flag.cursorNext)
                    if status == 0 { body(Self.octets(key), Self.octets(value)) }
                    return status
                }
            }
            if status == LMDBLibrary.Status.notFound { return }
            try check(status)
        }
    }

    // MARK: Writing

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

    private static func octets(_ words: UnsafeMutableRawPointer) -> [UInt8] {
        let count = words.load(as: Int.self)
        guard count > 0, let data = UnsafeRawPointer(bitPattern: words.load(fromByteOffset: 8, as: UInt.self)) else {
            return []
        }
        return Array(UnsafeRawBufferPointer(start: data, count: count))
    }
}
