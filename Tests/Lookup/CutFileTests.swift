import Glibc
import MailSystem
import Testing

@testable import Lookup

/// A file that ends early: what it still has is answered, the rest is an error. Nothing of it is "not found", and nothing
/// ends the process.
@Suite struct CutFileTests {
    static let files = [("hash", "db"), ("btree", "db"), ("lmdb", "lmdb"), ("cdb", "cdb")]

    @Test(arguments: files) func missingPagesAreErrors(_ type: String, _ suffix: String) async throws {
        let folder = TableFolder()
        let name = "\(type):\(folder.path)/t"
        let path = "\(folder.path)/t.\(suffix)"
        let entries = (0..<3000).map { ("key\($0)", "value\($0)") }
        try makeTable(name, entries)
        let whole = try Files.read(path)
        for size in [0, 1000, 4096, whole.count / 2, whole.count - 1] {
            try Files.writeAtomically(whole, to: path)
            let opened = try TestOpener().opener.openOrThrow(name)
            #expect(try await opened.find("key7") == "value7")
            try #require(truncate(path, off_t(size)) == 0)
            // Not fresh: nobody is about to write the rest.
            var times = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
            try #require(utimensat(AT_FDCWD, path, &times, 0) == 0)
            var tables = [opened]
            if let again = try? TestOpener().opener.openOrThrow(name) { tables.append(again) }
            for table in tables {
                for (key, value) in entries {
                    guard let found = try? await table.find(octets: Array(key.utf8)) else {
                        await #expect(throws: LookupError.self, "\(size): \(key)") { try await table.find(key) }
                        continue
                    }
                    #expect(found.text == value)
                }
            }
        }
    }
}
