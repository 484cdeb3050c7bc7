/// What the last transaction that was committed left, of the newer of the file's two meta pages.
struct LMDBSnapshot: Equatable {
    let pageSize: Int
    let transaction: UInt64
    let lastPage: UInt64
    /// Bytes that the file may grow to.
    let mapSize: UInt64
    /// The tree of the only database that postmap makes.
    let tree: Tree
    /// The pages that no tree uses any more, by the transaction that freed them.
    let freePages: Tree

    struct Tree: Equatable {
        let flags: Int
        /// Nil: empty.
        let root: UInt64?
    }

    typealias Malformed = LMDBPages.Malformed

    static let metaLength = LMDBPage.headerLength + 136

    private static let magic: UInt32 = 0xBEEF_C0DE
    private static let version: UInt32 = 1
    private static let noPage = UInt64.max

    init(_ descriptor: CInt) throws(Malformed) {
        // Both meta pages at once, with pages of the usual size.
        guard let start = FileBytes.read(descriptor, at: 0, count: 4096 + Self.metaLength) else { throw .notLMDB }
        let first = try Self.meta(start[...])
        let pageSize = first.pageSize
        let second: LMDBSnapshot
        if pageSize <= 4096 {
            second = try Self.meta(start.dropFirst(pageSize))
        } else {
            guard let bytes = FileBytes.read(descriptor, at: pageSize, count: Self.metaLength) else { throw .notLMDB }
            second = try Self.meta(bytes[...])
        }
        guard second.pageSize == pageSize else { throw .notLMDB }
        self = first.transaction < second.transaction ? second : first
    }

    private static func meta(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> LMDBSnapshot {
        guard bytes.count >= metaLength else { throw .notLMDB }
        let read = bytes.withUnsafeBytes { bytes -> Result<LMDBSnapshot, Malformed> in
            do throws(Malformed) { return .success(try LMDBSnapshot(LMDBPage(bytes: bytes))) } catch {
                return .failure(error)
            }
        }
        return try read.get()
    }

    private init(_ meta: LMDBPage) throws(Malformed) {
        let start = LMDBPage.headerLength
        guard meta.flags.contains(.meta), meta.u32(start) == Self.magic else { throw .notLMDB }
        guard meta.u32(start + 4) == Self.version else { throw .otherVersion }
        let pageSize = Int(meta.u32(start + 24))
        guard pageSize >= 256, pageSize <= 32_768, pageSize & (pageSize - 1) == 0 else { throw .notLMDB }
        self.pageSize = pageSize
        freePages = Self.tree(meta, start + 24)
        tree = Self.tree(meta, start + 72)
        mapSize = meta.u64(start + 16)
        lastPage = meta.u64(start + 120)
        transaction = meta.u64(start + 128)
    }

    private static func tree(_ meta: LMDBPage, _ start: Int) -> Tree {
        let root = meta.u64(start + 40)
        return Tree(flags: meta.u16(start + 4), root: root == noPage ? nil : root)
    }
}
