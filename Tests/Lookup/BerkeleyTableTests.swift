import Glibc
import MailSystem
import Testing

@testable import Lookup

@Suite struct BerkeleyTableTests {
    @Test(arguments: ["hash", "btree"], [TableOptions.keysWithNUL, .keysWithoutNUL, []])
    func findsWhatWasStored(_ type: String, _ options: TableOptions) async throws {
        let folder = TableFolder()
        let name = "\(type):\(folder.path)/t"
        try makeTable(name, (0..<5000).map { ("Key\($0)@example.com", "value\($0)") }, options: options)
        let table = try TestOpener().opener.openOrThrow(name)
        for number in stride(from: 0, to: 5000, by: 7) {
            #expect(try await table.find("kEY\(number)@example.com") == "value\(number)")
        }
        #expect(try await table.find("key5000@example.com") == nil)
    }

    @Test func aRebuiltTableIsFollowed() async throws {
        let folder = TableFolder()
        let name = "hash:\(folder.path)/t"
        try makeTable(name, [("k", "old")])
        let table = TestOpener().opener.open(name)
        #expect(try await table.find("k") == "old")
        // File times are no finer than the kernel's clock tick.
        try await Task.sleep(nanoseconds: 20_000_000)
        try makeTable(name, [("k", "new"), ("other", "x")])
        #expect(try await table.find("k") == "new")
        // Replaced by another file, as `mv` does; noticed within a second.
        try makeTable("hash:\(folder.path)/t2", [("k", "newer")])
        rename("\(folder.path)/t2.db", "\(folder.path)/t.db")
        #expect(try await table.find("k") == "newer")
        #expect(!table.hasChanged)
    }

    @Test func aVanishedFileIsReported() async throws {
        let folder = TableFolder()
        let name = "hash:\(folder.path)/t"
        try makeTable(name, [("k", "v")])
        let opener = TestOpener().opener
        let table = opener.open(name)
        unlink("\(folder.path)/t.db")
        #expect(try await table.find("k") == "v")
        #expect(opener.anyChanged())
    }

    @Test func aReaderWaitsForTheWriter() async throws {
        let folder = TableFolder()
        let name = "hash:\(folder.path)/t"
        try makeTable(name, [("k", "old")])
        let table = TestOpener().opener.open(name)
        let lock = try #require(TableLock(path: "\(folder.path)/t.db", writing: true))
        lock.lock(exclusive: true)
        async let answer = table.find("k")
        try await Task.sleep(nanoseconds: 60_000_000)
        lock.unlock()
        #expect(try await answer == "old")
    }

    /// Behind a chroot the path leads nowhere; Debian's postmap rewrites the file that is open.
    @Test(.enabled(if: Files.isExecutable("/usr/sbin/postmap")), arguments: ["hash", "btree"])
    func aTableRewrittenInPlaceIsFollowedWithoutItsPath(_ type: String) async throws {
        let folder = TableFolder()
        let inner = "\(folder.path)/inner"
        mkdir(inner, 0o755)
        _ = try folder.write("main.cf", "")
        let entries = (0..<3000).map { "key\($0) old\n" }.joined()
        let source = try folder.write("inner/t", entries + "k old\n")
        #expect(system("/usr/sbin/postmap -c \(folder.path) \(type):\(source) 2>/dev/null") == 0)
        let opener = TestOpener().opener
        let table = opener.open("\(type):\(source)")
        #expect(try await table.find("k") == "old")
        rename(inner, "\(folder.path)/moved")
        _ = try folder.write("moved/t", "k new\nother x\n")
        #expect(system("/usr/sbin/postmap -c \(folder.path) \(type):\(folder.path)/moved/t 2>/dev/null") == 0)
        #expect(try await table.find("k") == "new")
        #expect(try await table.find("other") == "x")
        #expect(try await table.find("key17") == nil)
        #expect(!opener.anyChanged())
        system("rm -r \(folder.path)/moved")
        #expect(try await table.find("k") == "new")
        #expect(opener.anyChanged())
    }

    @Test(arguments: ["hash", "btree"]) func aTableBuiltAnewIsFollowedWithoutItsPath(_ type: String) async throws {
        let folder = TableFolder()
        let inner = "\(folder.path)/inner"
        mkdir(inner, 0o755)
        symlink(inner, "\(folder.path)/way")
        try makeTable("\(type):\(inner)/t", [("k", "old"), ("gone", "x")])
        let opener = TestOpener().opener
        let table = opener.open("\(type):\(folder.path)/way/t")
        #expect(try await table.find("k") == "old")
        unlink("\(folder.path)/way")
        // File times are no finer than the kernel's clock tick.
        try await Task.sleep(nanoseconds: 20_000_000)
        try makeTable("\(type):\(inner)/t", (0..<3000).map { ("k\($0)", "v") } + [("k", "new")])
        #expect(try await table.find("k") == "new")
        #expect(try await table.find("gone") == nil)
        #expect(try await table.find("k2999") == "v")
        #expect(opener.anyChanged())
    }

    /// The library writes, our own reader reads: items on pages of their own, deep trees, split buckets.
    @Test(arguments: ["hash", "btree"]) func itemsOfAnySizeAreRead(_ type: String) async throws {
        let folder = TableFolder()
        let name = "\(type):\(folder.path)/t"
        let entries = (0..<4000).map { number -> (String, String) in
            let key = "k\(number)-" + String(repeating: "x", count: number % 7 == 0 ? number * 3 : number % 50)
            return (key, String(repeating: "v\(number)", count: number % 11 == 0 ? number : 1))
        }
        try makeTable(name, entries)
        let table = try TestOpener().opener.openOrThrow(name)
        for (key, value) in entries { #expect(try await table.find(key) == value) }
        for (key, _) in entries { #expect(try await table.find(key + "y") == nil) }
    }

    @Test(arguments: ["hash", "btree"]) func damageIsNeverATrap(_ type: String) async throws {
        let folder = TableFolder()
        let name = "\(type):\(folder.path)/t"
        try makeTable(name, (0..<500).map { ("k\($0)", String(repeating: "v", count: $0 * 20)) })
        let intact = try Files.read("\(folder.path)/t.db")
        var random = SystemRandomNumberGenerator()
        for _ in 0..<60 {
            var bytes = intact
            for _ in 0..<40 { bytes[Int.random(in: 26..<bytes.count, using: &random)] = UInt8.random(in: 0...255) }
            try Files.writeAtomically(bytes, to: "\(folder.path)/t.db")
            guard let lock = TableLock(path: "\(folder.path)/t.db", writing: false),
                let pages = try? BerkeleyPages(descriptor: lock.descriptor, cacheSize: 1)
            else { continue }
            for number in 0..<500 { _ = try? pages.get(Array("k\(number)".utf8) + [0]) }
        }
    }

    @Test func garbageIsAnErrorNotAnEmptyTable() throws {
        let folder = TableFolder()
        _ = try folder.write("t.db", String(repeating: "garbage", count: 2000))
        #expect(throws: TableOpenError.self) { try TestOpener().opener.openOrThrow("hash:\(folder.path)/t") }
    }

    @Test func manyTasksReadAtOnce() async throws {
        let folder = TableFolder()
        let name = "hash:\(folder.path)/t"
        try makeTable(name, (0..<2000).map { ("k\($0)", "v\($0)") })
        let table = TestOpener().opener.open(name)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in 0..<8 {
                group.addTask { () async throws -> Void in
                    for number in stride(from: start, to: 2000, by: 8) {
                        let value = try await table.find("k\(number)")
                        #expect(value == "v\(number)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(.enabled(if: Files.isExecutable("/usr/sbin/postmap"))) func postfixReadsWhatApusWritesAndTheOtherWay()
        async throws
    {
        let folder = TableFolder()
        let source = try folder.write("t", "a one\nb two\n")
        _ = try folder.write("main.cf", "")
        #expect(system("/usr/sbin/postmap -c \(folder.path) hash:\(source) 2>/dev/null") == 0)
        #expect(try await TestOpener().opener.openOrThrow("hash:\(source)").find("b") == "two")
        try makeTable("btree:\(folder.path)/u", [("x", "y")])
        #expect(
            system("test \"$(/usr/sbin/postmap -c \(folder.path) -q x btree:\(folder.path)/u 2>/dev/null)\" = y") == 0)
    }
}
