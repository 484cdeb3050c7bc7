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

    /// liblmdb ends the process on most of these.
    @Test(.enabled(if: types.contains("lmdb"))) func aDamagedLMDBFileIsAnError() async throws {
        let folder = TableFolder()
        try makeTable("lmdb:\(folder.path)/t", lmdbEntries)
        let intact = try Files.read("\(folder.path)/t.lmdb")
        var random = SystemRandomNumberGenerator()
        var failures = 0
        for round in 0..<200 {
            let name = "\(folder.path)/u\(round % 2)"
            try Files.writeAtomically(damaged(intact, &random), to: name + ".lmdb")
            guard let table = try? TestOpener().opener.openOrThrow("lmdb:\(name)") else { continue }
            for number in stride(from: 0, to: 600, by: 7) {
                // `later`, since somebody may be copying the file at this moment, or an error.
                if case .value(.some)? = try? table.answerNow(Array("k\(number)".utf8)) { continue }
                failures += 1
            }
            let listable = try #require(table as? any ListableTable)
            var count = 0
            try? listable.forEach { count += $0.count + $1.count }
            #expect(count <= intact.count)
        }
        #expect(failures > 0)
    }

    @Test(.enabled(if: types.contains("lmdb"))) func aDamagedLMDBFileIsMadeAnewButNotAddedTo() async throws {
        let folder = TableFolder()
        let name = "lmdb:\(folder.path)/t"
        try makeTable(name, lmdbEntries)
        let intact = try Files.read("\(folder.path)/t.lmdb")
        var random = SystemRandomNumberGenerator()
        var refusals = 0
        for _ in 0..<100 {
            try Files.writeAtomically(damaged(intact, &random), to: "\(folder.path)/t.lmdb")
            do throws(TableOpenError) {
                let table = try TestOpener().opener.openUnchecked(TableSpecification(name), options: [.writable])
                let writer = table as? any UpdatableTable
                _ = try? writer?.update(Array("k7".utf8), Array("other".utf8))
                _ = try? writer?.delete(Array("k8".utf8))
                try? writer?.close()
            } catch {
                refusals += 1
            }
            try makeTable(name, [("k", "new")])
            #expect(try await TestOpener().opener.openOrThrow(name).find("k") == "new")
            #expect(try await TestOpener().opener.openOrThrow(name).find("k7") == nil)
        }
        #expect(refusals > 0)
    }

    /// With branch pages, and values that have pages of their own.
    private var lmdbEntries: [(String, String)] {
        (0..<600).map { ("k\($0)", String(repeating: "v", count: $0 % 50 == 0 ? 9000 : 20)) }
    }

    /// Most of what counts stands at the start of pages.
    private func damaged(_ intact: [UInt8], _ random: inout SystemRandomNumberGenerator) -> [UInt8] {
        var bytes = intact
        for _ in 0..<Int.random(in: 1...20, using: &random) {
            let start = Int.random(in: 0..<bytes.count / 4096, using: &random) * 4096
            let offset = Bool.random(using: &random) ? Int.random(in: 0..<40) : Int.random(in: 0..<4096, using: &random)
            bytes[start + offset] = UInt8.random(in: 0...255, using: &random)
        }
        if Int.random(in: 0..<4, using: &random) == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count / 2)) }
        return bytes
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
