import Glibc

@testable import Lookup

extension FuzzTarget {
    /// lmdb files: read by code of our own, and let loose on liblmdb for changes only when they pass a check.
    static let lmdb = FuzzTarget("lmdb") { input in
        withFile(input, suffix: ".lmdb") { path in
            readLMDB(path + ".lmdb", size: input.count)
            changeLMDB(path, options: [.writable])
            changeLMDB(path, options: [.writable, .create])
            require(readsBack(path), "a table that was made anew has its entry")
        }
    }

    private static func readLMDB(_ path: String, size: Int) {
        guard let file = TableLock(path: path, writing: false) else { fatalError("no file") }
        guard let snapshot = try? LMDBSnapshot(file.descriptor) else { return }
        for map in [nil, FileMap(file.descriptor, size: size)] {
            let pages = try? LMDBPages(
                snapshot, descriptor: file.descriptor, fileSize: size, cacheSize: 1 << 16, map: map)
            guard let pages else { return }
            for key in keys {
                for tail in [[], [UInt8(0)]] {
                    let value = try? pages.get(key + tail)
                    require(value?.count ?? 0 <= size, "a value is in the file")
                }
            }
            var entries = 0
            try? pages.forEach { (_, _) throws(LMDBPages.Malformed) in entries += 1 }
            require(entries <= size, "entries are in the file")
        }
    }

    private static func changeLMDB(_ path: String, options: TableOptions) {
        let specification = TableSpecification(type: "lmdb", name: path)
        guard let table = try? opener.openUnchecked(specification, options: options.union(.replaceDuplicates)),
            let writer = table as? any UpdatableTable
        else { return }
        _ = try? writer.update(Array("a".utf8), Array("value".utf8))
        _ = try? writer.delete(Array("example.com".utf8))
        _ = try? writer.update(Array("large".utf8), Array(repeating: 0x78, count: 5000))
        try? writer.close()
    }

    private static func readsBack(_ path: String) -> Bool {
        guard let table = try? opener.openUnchecked(TableSpecification(type: "lmdb", name: path)),
            case .value(let value)? = try? table.answerNow(Array("a".utf8))
        else { return false }
        return value == Array("value".utf8)
    }

    /// Damaged databases, and what a query makes of a key: SQL sees one string, whatever the key holds.
    static let sqlite = FuzzTarget("sqlite") { input in
        guard let library = try? SQLiteLibrary.load() else { fatalError("no libsqlite3") }
        let parts = AddressParts(input)
        guard let template = QueryTemplate("SELECT '%s'", isQuery: true) else { fatalError("a template") }
        if let query = template.expand(parts, key: parts, quote: SQLiteTable.quoted),
            let memory = try? SQLiteConnection(library, path: ":memory:")
        {
            guard case .success(let rows) = memory.rows(of: query) else { fatalError("a key is no valid string") }
            // A NUL would end the query.
            require(rows == [input.filter { $0 != 0 }], "a key is one string")
        }
        withFile(input) { path in
            defer { for suffix in ["-wal", "-shm", "-journal"] { unlink(path + suffix) } }
            guard let file = try? SQLiteConnection(library, path: path) else { return }
            for key in ["a", "foo@example.com"] {
                guard case .success(let rows) = file.rows(of: Array("SELECT v FROM t WHERE k='\(key)'".utf8)) else {
                    continue
                }
                require(rows.count <= input.count, "rows are in the file")
            }
            _ = file.rows(of: Array("SELECT v FROM t".utf8))
        }
    }

    /// What a lookup makes of answers of databases, and LDAP filters of keys.
    static let queryTemplate = FuzzTarget("query-template") { input in
        var fields = InputReader(input)
        let key = AddressParts(fields.field())
        let value = AddressParts(fields.field())
        for (text, isQuery) in [("%s|%u|%d|%1.%2", true), ("%S", true), ("%s%u%d%U%D%9", false), (fields.text(), true)]
        {
            guard let template = QueryTemplate(text, isQuery: isQuery) else { continue }
            let result = template.expand(value, key: key) { $0 }
            require(
                result?.count ?? 0 <= text.utf8.count * (1 + key.whole.count + value.whole.count), "a bounded size")
        }
        guard let filter = QueryTemplate("(mail=%s)", isQuery: true),
            let written = filter.expand(key, key: key, quote: LDAPClient.quotedFilter)
        else { return }
        let inner = written.dropFirst(6).dropLast()
        require(
            !inner.contains { $0 == 0 || $0 == 0x28 || $0 == 0x29 || $0 == 0x2A }, "nothing ends or widens a filter")
    }
}
