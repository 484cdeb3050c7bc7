import Glibc

/// Whether liblmdb may be let loose on a file to change it: it believes what it reads, and writes where that says.
struct LMDBCheck {
    typealias Malformed = LMDBPages.Malformed

    private let pages: LMDBPages
    /// Pages that a tree uses, or that are free.
    private var known: Set<UInt64> = []

    /// Before a table is changed. One that is to be made anew loses what it has when that is damaged.
    static func prepare(_ path: String, emptying: Bool) throws(Malformed) {
        guard let file = TableLock(path: path, writing: true) else { return }
        _ = RecordLock.set(file.descriptor, .exclusive, wait: true)
        // The library makes a file of nothing.
        guard let stamp = file.status(), stamp.size > 0 else { return }
        do throws(Malformed) {
            try check(file, size: stamp.size)
        } catch {
            guard emptying, ftruncate(file.descriptor, 0) == 0 else { throw error }
        }
    }

    private static func check(_ file: TableLock, size: Int) throws(Malformed) {
        let pages = try LMDBPages(
            try LMDBSnapshot(file.descriptor), descriptor: file.descriptor, fileSize: size, cacheSize: 1 << 16,
            map: FileMap(file.descriptor, size: size))
        var check = LMDBCheck(pages: pages)
        try check.run()
    }

    private init(pages: LMDBPages) { self.pages = pages }

    private mutating func run() throws(Malformed) {
        // The library maps all up to the last page: where that is beyond a terabyte, no table was.
        let (mapSize, pageSize) = (pages.snapshot.mapSize, UInt64(pages.snapshot.pageSize))
        guard pages.snapshot.lastPage < min(mapSize, 1 << 40) / pageSize else { throw .notFound }
        // The free pages have integers as keys, and no other order, which the library would find out too late.
        guard pages.snapshot.freePages.flags & LMDBPages.otherOrders == 0x08 else { throw .notLMDB }
        // It counts on.
        guard pages.snapshot.transaction < 1 << 62 else { throw .notLMDB }
        try walk(pages.snapshot.tree) { (_, _) throws(Malformed) in }
        var free: [UInt64] = []
        try walk(pages.snapshot.freePages) { (node, pages) throws(Malformed) in
            // A list of pages, after its length.
            let list = try node.value(pages).withUnsafeBytes { bytes in
                (0..<(bytes.count / 8)).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
            }
            guard try node.key.count == 8, let count = list.first, count == UInt64(list.count - 1) else {
                throw .wrongType
            }
            free += list.dropFirst()
        }
        for number in free { try note(number) }
    }

    private mutating func note(_ number: UInt64) throws(Malformed) {
        guard number > 1, number <= pages.snapshot.lastPage, known.insert(number).inserted else { throw .wrongType }
    }

    private mutating func walk(
        _ tree: LMDBSnapshot.Tree, _ body: (LMDBPage.Node, LMDBPages) throws(Malformed) -> Void
    ) throws(Malformed) {
        guard let root = tree.root else { return }
        let pages = pages
        var visited: [UInt64] = []
        try pages.forEachLeaf(from: root, visit: { visited.append($0) }) { (page) throws(Malformed) in
            for index in 0..<page.nodeCount {
                let node = page.node(index)
                _ = try node.key
                if let (first, length) = node.overflow {
                    let count = try pages.overflowCount(first, length: length)
                    for number in first..<(first + count) { try note(number) }
                } else {
                    _ = try node.inlineValue
                }
                try body(node, pages)
            }
        }
        for number in visited { try note(number) }
    }
}
