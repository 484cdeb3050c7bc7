import Glibc

/// The functions of liblmdb that tables use (lmdb.h). Its `MDB_val` is a length and a pointer: two words.
struct LMDBLibrary: Sendable {
    typealias Handle = OpaquePointer
    typealias Words = UnsafeMutableRawPointer

    let environmentCreate: @convention(c) @Sendable (UnsafeMutablePointer<Handle?>) -> CInt
    let environmentOpen: @convention(c) @Sendable (Handle, UnsafePointer<CChar>, CUnsignedInt, mode_t) -> CInt
    let environmentClose: @convention(c) @Sendable (Handle) -> Void
    let setMapSize: @convention(c) @Sendable (Handle, Int) -> CInt
    let environmentInfo: @convention(c) @Sendable (Handle, Words) -> CInt
    let descriptor: @convention(c) @Sendable (Handle, UnsafeMutablePointer<CInt>) -> CInt
    let begin: @convention(c) @Sendable (Handle, Handle?, CUnsignedInt, UnsafeMutablePointer<Handle?>) -> CInt
    let commit: @convention(c) @Sendable (Handle) -> CInt
    let abort: @convention(c) @Sendable (Handle) -> Void
    let openDatabase:
        @convention(c) @Sendable (Handle, UnsafePointer<CChar>?, CUnsignedInt, UnsafeMutablePointer<CUnsignedInt>) ->
            CInt
    let drop: @convention(c) @Sendable (Handle, CUnsignedInt, CInt) -> CInt
    let put: @convention(c) @Sendable (Handle, CUnsignedInt, Words, Words, CUnsignedInt) -> CInt
    let delete: @convention(c) @Sendable (Handle, CUnsignedInt, Words, Words?) -> CInt
    let errorText: @convention(c) @Sendable (CInt) -> UnsafePointer<CChar>?

    enum Flag {
        static let noSubdirectory: CUnsignedInt = 0x4000
        static let noThreadStorage: CUnsignedInt = 0x20_0000
        static let noLock: CUnsignedInt = 0x40_0000
        static let noOverwrite: CUnsignedInt = 0x10
    }

    enum Status {
        static let keyExists: CInt = -30_799
        static let notFound: CInt = -30_798
        static let mapFull: CInt = -30_792
        static let mapResized: CInt = -30_785
    }

    private static let loaded = Result { () throws(TableOpenError) -> LMDBLibrary in try LMDBLibrary() }

    static func load() throws(TableOpenError) -> LMDBLibrary { try loaded.get() }

    private init() throws(TableOpenError) {
        let library = try SharedLibrary("liblmdb.so.0", type: "lmdb", package: "liblmdb0")
        environmentCreate = try library.function("mdb_env_create")
        environmentOpen = try library.function("mdb_env_open")
        environmentClose = try library.function("mdb_env_close")
        setMapSize = try library.function("mdb_env_set_mapsize")
        environmentInfo = try library.function("mdb_env_info")
        descriptor = try library.function("mdb_env_get_fd")
        begin = try library.function("mdb_txn_begin")
        commit = try library.function("mdb_txn_commit")
        abort = try library.function("mdb_txn_abort")
        openDatabase = try library.function("mdb_dbi_open")
        drop = try library.function("mdb_drop")
        put = try library.function("mdb_put")
        delete = try library.function("mdb_del")
        errorText = try library.function("mdb_strerror")
    }

    func reason(_ status: CInt) -> String { errorText(status).map { String(cString: $0) } ?? "error \(status)" }
}
