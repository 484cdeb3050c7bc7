import MailSystem
import Testing

@testable import Spool

@Suite struct QueueIDTests {
    @Test func shortNamesHoldMicrosecondsAndInode() {
        let id = QueueID(time: MailTime(seconds: 1, microseconds: 0x1abc), inode: 0x5e21f, long: false)
        #expect(id.text == "01ABC5E21F")
        #expect(id.inode == 0x5e21f)
        #expect(!id.isLong)
    }

    @Test func longNamesHoldSecondsToo() throws {
        let time = MailTime(seconds: 1_795_000_000, microseconds: 999_999)
        let id = QueueID(time: time, inode: 1_234_567, long: true)
        #expect(id.isLong)
        #expect(id.inode == 1_234_567)
        #expect(id.text.utf8.count >= 12)
        // Six digits of seconds, four of microseconds, the separator.
        #expect(Array(id.text.utf8)[10] == UInt8(ascii: "z"))
    }

    @Test(arguments: [
        ("A1B2C3D4", 1, ["A"]), ("A1B2C3D4", 2, ["A", "1"]), ("A", 3, ["A", "_", "_"]), ("A1B2C3D4", 0, []),
    ])
    func subdirectoriesAreTheLeadingCharacters(text: String, depth: Int, expected: [String]) throws {
        #expect(try #require(QueueID(text)).hashDirectories(depth: depth) == expected)
    }

    @Test func subdirectoriesOfLongNamesComeFromTheMicroseconds() {
        let id = QueueID(time: MailTime(seconds: 1_795_000_000, microseconds: 0xABCDE), inode: 99, long: true)
        #expect(id.hashDirectories(depth: 2) == ["A", "B"])
    }

    @Test(arguments: ["", "a/b", "..", "12.34", "A-B", String(repeating: "a", count: 256)])
    func otherNamesAreRefused(text: String) {
        #expect(QueueID(text) == nil)
    }
}
