import Glibc

/// One state of an LMDB file, read through a descriptor. liblmdb believes what a file says and crashes on a damaged one;
/// this is total: whatever the file holds, a page is well-formed or an error.
///
/// The format is that of LMDB 0.9 on 64-bit machines (lmdb.h, and what mdb_stat(1) shows of a file). As long as the reader's
/// lock is held, no page of the last committed transaction is written to.
struct LMDBPages {
    struct Malformed: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }

        // In the library's words.
        static let notLMDB = Malformed("MDB_INVALID: File is not an LMDB file")
        static let otherVersion = Malformed("MDB_VERSION_MISMATCH: Database environment version mismatch")
        static let wrongType = Malformed("MDB_CORRUPTED: Located page was wrong type")
        static let notFound = Malformed("MDB_PAGE_NOTFOUND: Requested page not found")
    }

    let snapshot: LMDBSnapshot
    private let store: PageStore
    private let fileSize: Int
    private let descriptor: CInt

    /// A tree of 64-bit page numbers is not deeper (the library's own limit).
    private static let maximumDepth = 32
    /// Keys in reverse or as integers, and many values a key: nothing that postmap makes.
    static let otherOrders = 0x7E

    /// - Parameters:
    ///   - cacheSize: bytes of pages to keep.
    ///   - map: of the whole file, if there is one.
    init(
        _ snapshot: LMDBSnapshot, descriptor: CInt, fileSize: Int, cacheSize: Int, map: FileMap? = nil
    ) throws(Malformed) {
        guard snapshot.tree.flags & Self.otherOrders == 0 else { throw Malformed("not a table of postmap") }
        self.snapshot = snapshot
        self.descriptor = descriptor
        self.fileSize = fileSize
        store = PageStore(descriptor, pageSize: snapshot.pageSize, cacheSize: cacheSize, map: map)
    }

    /// Good until the next call.
    private func page(_ number: UInt64) throws(Malformed) -> LMDBPage {
        // A page that the file does not have to its end was cut off: what is missing would look like fewer entries.
        guard number > 1, number <= snapshot.lastPage, number < UInt64(fileSize / snapshot.pageSize),
            let short = UInt32(exactly: number),
            let bytes = store.page(short, isKept: { LMDBPage(bytes: $0).flags.contains(.branch) })
        else { throw .notFound }
        let page = LMDBPage(bytes: bytes)
        guard page.number == number, page.isConsistent, !page.flags.contains(.keysOnly),
            page.flags.contains(.branch) != page.flags.contains(.leaf)
        else { throw .wrongType }
        return page
    }

    /// A value that has pages of its own.
    func overflow(_ number: UInt64, length: Int) throws(Malformed) -> [UInt8] {
        _ = try overflowCount(number, length: length)
        let start = Int(number) * snapshot.pageSize + LMDBPage.headerLength
        guard let bytes = FileBytes.read(descriptor, at: start, count: length), bytes.count == length else {
            throw .notFound
        }
        return bytes
    }

    /// How many pages a value from page `number` on has.
    func overflowCount(_ number: UInt64, length: Int) throws(Malformed) -> UInt64 {
        guard number > 1, number <= snapshot.lastPage, number <= UInt64(fileSize / snapshot.pageSize) else {
            throw .notFound
        }
        // One header for all of its pages.
        let start = Int(number) * snapshot.pageSize
        let headerLength = LMDBPage.headerLength
        let pageCount = (headerLength + length + snapshot.pageSize - 1) / snapshot.pageSize
        guard start <= fileSize, pageCount <= (fileSize - start) / snapshot.pageSize,
            let header = FileBytes.read(descriptor, at: start, count: headerLength)
        else { throw .notFound }
        let isOverflow = header.withUnsafeBytes {
            let page = LMDBPage(bytes: $0)
            return page.flags.contains(.overflow) && page.number == number && page.u32(12) == pageCount
        }
        guard isOverflow else { throw .wrongType }
        return UInt64(pageCount)
    }

    func get(_ key: [UInt8]) throws(Malformed) -> [UInt8]? {
        guard var number = snapshot.tree.root else { return nil }
        for _ in 0..<Self.maximumDepth {
            let page = try page(number)
            guard page.flags.contains(.branch) else { return try find(key, in: page) }
            number = try child(of: page, key)
        }
        throw Malformed("endless tree")
    }

    /// The last node whose key is not after `key`. The first has none.
    private func child(of page: LMDBPage, _ key: [UInt8]) throws(Malformed) -> UInt64 {
        guard page.nodeCount > 0 else { throw .wrongType }
        var low = 0
        var high = page.nodeCount
        while high - low > 1 {
            let middle = (low + high) / 2
            if OctetOrder.compare(key, try page.node(middle).key) < 0 { high = middle } else { low = middle }
        }
        return page.node(low).child
    }

    private func find(_ key: [UInt8], in page: LMDBPage) throws(Malformed) -> [UInt8]? {
        var low = 0
        var high = page.nodeCount
        while low < high {
            let middle = (low + high) / 2
            let node = page.node(middle)
            let order = OctetOrder.compare(key, try node.key)
            if order == 0 { return try node.value(self) }
            if order < 0 { high = middle } else { low = middle + 1 }
        }
        return nil
    }

    /// Calls `body` with each entry, in the order of the keys.
    func forEach(_ body: (_ key: [UInt8], _ value: [UInt8]) throws(Malformed) -> Void) throws(Malformed) {
        guard let root = snapshot.tree.root else { return }
        // No octet of the file belongs to two entries.
        var left = fileSize
        try forEachLeaf(from: root) { (page) throws(Malformed) in
            for index in 0..<page.nodeCount {
                let node = page.node(index)
                let (key, value) = (Array(try node.key), try node.value(self))
                left -= key.count + value.count
                guard left >= 0 else { throw Malformed("more entries than the file holds") }
                try body(key, value)
            }
        }
    }

    /// - Parameter visit: told of each page before it is read.
    func forEachLeaf(
        from root: UInt64, visit: (UInt64) throws(Malformed) -> Void = { _ in },
        _ body: (LMDBPage) throws(Malformed) -> Void
    ) throws(Malformed) {
        // Each page is in a tree once: more visits than pages are a circle.
        var left = fileSize / snapshot.pageSize + 1
        // What is still to be visited, the next one last.
        var waiting: [(page: UInt64, depth: Int)] = [(root, 0)]
        while let (number, depth) = waiting.popLast() {
            left -= 1
            guard left >= 0, depth < Self.maximumDepth else { throw Malformed("endless tree") }
            try visit(number)
            let page = try page(number)
            if page.flags.contains(.branch) {
                waiting += (0..<page.nodeCount).reversed().map { (page.node($0).child, depth + 1) }
            } else {
                try body(page)
            }
        }
    }
}
