import Glibc
import MailSystem
import Testing

@testable import Lookup

/// cdb and lmdb.
@Suite struct FileTableTests {
    static let oracle = Files.isExecutable("/usr/sbin/postmap")

    static func has(_ type: String) -> Bool {
        oracle && system("/usr/sbin/postconf -m 2>/dev/null | grep -qx \(type)") == 0
    }

    static let types = ["cdb", "lmdb"].filter(has)

    @Test(arguments: types) func debianReadsWhatApusWritesAndTheOtherWay(_ type: String) async throws {
        let folder = TableFolder()
        _ = try folder.write("main.cf", "")
        let source = try folder.write("t", (0..<2000).map { "k\($0) v\($0)\n" }.joined())
        #expect(system("/usr/sbin/postmap -c \(folder.path) \(type):\(source) 2>/dev/null") == 0)
        let table = try TestOpener().opener.openOrThrow("\(type):\(source)")
        for number in 0..<2000 { #expect(try await table.find("K\(number)") == "v\(number)") }
        #expect(try await table.find("none") == nil)

        try makeTable("\(type):\(folder.path)/u", (0..<2000).map { ("k\($0)", "w\($0)") })
        _ = try folder.write("keys", (0..<2000).map { "k\($0)\n" }.joined())
        _ = try folder.write("wanted", (0..<2000).map { "k\($0)\tw\($0)\n" }.joined())
        let query = "/usr/sbin/postmap -c \(folder.path) -q - \(type):\(folder.path)/u <\(folder.path)/keys"
        #expect(system("\(query) 2>/dev/null | cmp -s - \(folder.path)/wanted") == 0)
    }

    @Test(arguments: types) func aRebuiltTableIsFollowed(_ type: String) async throws {
        let folder = TableFolder()
        let name = "\(type):\(folder.path)/t"
        try makeTable(name, [("k", "old")])
        let table = TestOpener().opener.open(name)
        #expect(try await table.find("k") == "old")
        try makeTable(name, [("k", "new"), ("large", String(repeating: "x", count: 100_000))])
        // A replaced file is noticed within a second.
        var value: String?
        for _ in 0..<600 {
            value = try await table.find("k")
            if value == "new" { break }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        #expect(value == "new")
        #expect(try await table.find("large")?.utf8.count == 100_000)
        #expect(!table.hasChanged)
    }

    @Test(.enabled(if: types.contains("lmdb"))) func anLMDBFileGrowsPastItsFirstSize() async throws {
        let folder = TableFolder()
        let opener = TestOpener { $0.lmdbMapSize = 1 << 20 }.opener
        let name = "lmdb:\(folder.path)/t"
        try makeTable(name, [("k", "v")])
        let reader = opener.open(name)
        #expect(try await reader.find("k") == "v")
        let table = try opener.openUnchecked(TableSpecification(name), options: [.writable, .create])
        let writer = try #require(table as? any UpdatableTable)
        for number in 0..<3000 {
            _ = try writer.update(Array("k\(number)".utf8), Array(repeating: UInt8(ascii: "x"), count: 1000))
        }
        #expect(try await reader.find("k") == "v")
        try writer.close()
        #expect(try await reader.find("k2999")?.utf8.count == 1000)
        #expect(try await reader.find("k") == nil)
    }

    @Test(arguments: ["hash", "btree"] + types) func duplicatesAreToldOfWhileATableIsMade(_ type: String) async throws {
        let folder = TableFolder()
        for (mode, kept) in [(TableOptions.replaceDuplicates, "last"), ([], "first")] {
            let name = "\(type):\(folder.path)/t"
            let table = try TestOpener().opener.openUnchecked(
                TableSpecification(name), options: [.writable, .create, mode])
            let writer = try #require(table as? any UpdatableTable)
            for number in 0..<3000 {
                #expect(try writer.update(Array("k\(number)".utf8), Array("first".utf8)) == .stored)
            }
            for number in stride(from: 0, to: 3000, by: 3) {
                let result = try writer.update(Array("k\(number)".utf8), Array("last".utf8))
                #expect(result == (mode.isEmpty ? .duplicate : .stored))
            }
            try writer.close()
            let made = try TestOpener().opener.openOrThrow(name)
            for number in 0..<3000 {
                #expect(try await made.find("k\(number)") == (number % 3 == 0 ? kept : "first"))
            }
        }
    }

    @Test func aDamagedConstantDatabaseIsAnError() async throws {
        let folder = TableFolder()
        try makeTable("cdb:\(folder.path)/t", (0..<100).map { ("k\($0)", "v\($0)") })
        let intact = try Files.read("\(folder.path)/t.cdb")
        var random = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            var bytes = Array(intact.prefix(Int.random(in: 2048...intact.count, using: &random)))
            for _ in 0..<20 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255) }
            try Files.writeAtomically(bytes, to: "\(folder.path)/u.cdb")
            let table = try TestOpener().opener.openOrThrow("cdb:\(folder.path)/u")
            for number in 0..<100 { _ = try? await table.find("k\(number)") }
        }
    }
}
