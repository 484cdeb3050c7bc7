import CBerkeleyDB
import Glibc

/// One open Berkeley DB file. Not for use from two threads at once.
final class BerkeleyFile {
    enum Mode {
        case read
        /// Opens the table, or makes an empty one.
        case update
        /// Makes an empty table.
        case create
    }

    /// The two functions of libdb that are no members of its structures.
    private struct Library: Sendable {
        let create:
            @convention(c) @Sendable (
                UnsafeMutablePointer<UnsafeMutablePointer<DB>?>, UnsafeMutableRawPointer?, UInt32
            ) -> CInt
        let text: @convention(c) @Sendable (CInt) -> UnsafePointer<CChar>?

        static let loaded = Result { () throws(TableOpenError) -> Library in
            let library = try SharedLibrary("libdb-5.3.so", type: "hash", package: "libdb5.3")
            return Library(
                create: try library.function("db_create"), text: try library.function("db_strerror"))
        }
    }

    private static func problem(_ status: CInt) -> FileProblem {
        let text = try? Library.loaded.get().text(status)
        return FileProblem(text.map { String(cString: $0) } ?? String(cString: strerror(status)))
    }

    private let handle: UnsafeMutablePointer<DB>
    private var closed = false

    /// - Parameters:
    ///   - type: of the table: `DB_HASH` or `DB_BTREE`.
    ///   - cacheSize: bytes of the library's own cache.
    ///   - expectedCount: how many keys will come; a hash table then starts with room for them.
    init(
        path: String, type: DBTYPE, mode: Mode, cacheSize: Int, expectedCount: Int = 0
    ) throws(FileProblem) {
        var pointer: UnsafeMutablePointer<DB>?
        let library: Library
        do { library = try Library.loaded.get() } catch { throw FileProblem(error.reason) }
        let status = library.create(&pointer, nil, 0)
        guard status == 0, let handle = pointer else { throw Self.problem(status == 0 ? ENOMEM : status) }
        self.handle = handle
        _ = handle.pointee.set_cachesize(handle, 0, UInt32(clamping: max(cacheSize, 20_480)), 0)
        if type == DB_HASH, expectedCount > 0 {
            _ = handle.pointee.set_h_nelem(handle, UInt32(clamping: expectedCount))
        }
        // Without a memory map: a file that somebody truncates under the lock's nose must not kill the process.
        let flags: UInt32 =
            switch mode {
            case .read: UInt32(DB_RDONLY) | UInt32(DB_NOMMAP)
            case .update: UInt32(DB_CREATE) | UInt32(DB_NOMMAP)
            case .create: UInt32(DB_CREATE) | UInt32(DB_TRUNCATE) | UInt32(DB_NOMMAP)
            }
        let opened = handle.pointee.open(handle, nil, path, nil, type, flags, 0o644)
        guard opened == 0 else {
            _ = handle.pointee.close(handle, 0)
            closed = true
            throw Self.problem(opened)
        }
    }

    deinit { if !closed { _ = handle.pointee.close(handle, 0) } }

    /// Writes what is cached and closes the file.
    func close() throws(FileProblem) {
        if closed { return }
        closed = true
        let status = handle.pointee.close(handle, 0)
        if status != 0 { throw Self.problem(status) }
    }

    /// The stored octets, or nil without such a key.
    func get(_ key: [UInt8]) throws(FileProblem) -> [UInt8]? {
        var value = DBT()
        let status = withDBT(key) { handle.pointee.get(handle, nil, $0, &value, 0) }
        if status == DB_NOTFOUND { return nil }
        guard status == 0 else { throw Self.problem(status) }
        return Self.octets(value)
    }

    /// Returns false when the key exists and must not be replaced.
    func put(_ key: [UInt8], _ value: [UInt8], replacing: Bool) throws(FileProblem) -> Bool {
        let status = withDBT(key) { key in
            withDBT(value) { handle.pointee.put(handle, nil, key, $0, replacing ? 0 : UInt32(DB_NOOVERWRITE)) }
        }
        if status == DB_KEYEXIST { return false }
        guard status == 0 else { throw Self.problem(status) }
        return true
    }

    /// Returns false when there is no such key.
    func delete(_ key: [UInt8]) throws(FileProblem) -> Bool {
        let status = withDBT(key) { handle.pointee.del(handle, nil, $0, 0) }
        if status == DB_NOTFOUND { return false }
        guard status == 0 else { throw Self.problem(status) }
        return true
    }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(FileProblem) {
        var pointer: UnsafeMutablePointer<DBC>?
        let status = handle.pointee.cursor(handle, nil, &pointer, 0)
        guard status == 0, let cursor = pointer else { throw Self.problem(status == 0 ? ENOMEM : status) }
        defer { _ = cursor.pointee.close(cursor) }
        while true {
            var key = DBT()
            var value = DBT()
            let status = cursor.pointee.get(cursor, &key, &value, UInt32(DB_NEXT))
            if status == DB_NOTFOUND { return }
            guard status == 0 else { throw Self.problem(status) }
            body(Self.octets(key), Self.octets(value))
        }
    }

    private func withDBT(_ bytes: [UInt8], _ body: (UnsafeMutablePointer<DBT>) -> CInt) -> CInt {
        bytes.withUnsafeBytes { buffer in
            var item = DBT()
            // The library does not write through this pointer: neither get, put nor del gives the flags for it.
            item.data = UnsafeMutableRawPointer(mutating: buffer.baseAddress)
            item.size = UInt32(clamping: buffer.count)
            return body(&item)
        }
    }

    private static func octets(_ item: DBT) -> [UInt8] {
        guard let data = item.data else { return [] }
        return Array(UnsafeRawBufferPointer(start: data, count: Int(item.size)))
    }
}
