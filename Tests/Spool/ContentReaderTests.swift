import MailSystem
import Testing

@testable import Spool

@Suite struct ContentReaderTests {
    /// A file whose first `cached` bytes are in memory.
    private final class PartlyCached: StoredFile {
        let bytes: [UInt8]
        let cached: Int

        init(_ bytes: [UInt8], cached: Int) {
            self.bytes = bytes
            self.cached = cached
        }

        func status() throws(SystemError) -> FileStatus {
            FileStatus(inode: 1, mode: 0o100700, size: bytes.count, modified: MailTime(seconds: 1))
        }
        func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] { Array(bytes[offset...].prefix(count)) }
        func readCached(at offset: Int, count: Int) -> [UInt8]? {
            offset < cached ? Array(bytes[offset..<cached].prefix(count)) : nil
        }
        func write(_: [UInt8], at _: Int) throws(SystemError) {}
        func truncate(to _: Int) throws(SystemError) {}
        func setPermissions(_: UInt32) throws(SystemError) {}
        func synchronize() throws(SystemError) {}
        func tryLock(exclusive _: Bool) throws(SystemError) -> Bool { true }
        func unlock() {}
        func close() {}
    }

    private func records(_ lines: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in 0..<lines { RecordCodec.append(.line, "line \(number) of the message", to: &bytes) }
        RecordCodec.append(.extracted, "", to: &bytes)
        return bytes
    }

    private func text(_ reader: ContentReader, _ count: Int, ready: (Bool) -> Void) throws -> [UInt8] {
        var text: [UInt8] = []
        while true {
            ready(reader.isReady(count))
            guard let chunk = try reader.nextChunk(count) else { return text }
            text += chunk
        }
    }

    @Test(arguments: [0, 1, 500, 4000, 9000, 1 << 20])
    func whatIsInMemoryIsReadyAndTheRestIsRead(cached: Int) throws {
        let bytes = records(500)
        let file = PartlyCached(bytes, cached: min(cached, bytes.count))
        var answers: [Bool] = []
        let reader = ContentReader(file: file, size: bytes.count, dataOffset: 0, format: .text, windowSize: 1024)
        let text = try text(reader, 700) { answers.append($0) }
        #expect(text == Array((0..<500).map { "line \($0) of the message\n" }.joined().utf8))
        // Too little of the first piece in memory is as good as nothing; at the end nothing is missing.
        #expect(answers.first == (cached >= 700))
        #expect(answers.last == true)
        if cached >= bytes.count { #expect(!answers.contains(false)) }
    }

    @Test func aFileOnDiskIsReadTheSame() throws {
        let path = "/tmp/apus-content-\(UInt64.random(in: 0...UInt64.max))"
        let file = try POSIXFileStore(root: "").create(path, permissions: 0o600)
        defer {
            file.close()
            try? POSIXFileStore(root: "").remove(path)
        }
        let bytes = records(20_000)
        try file.write(bytes, at: 0)
        // What a file system says of its cache may differ: never anything but the file's own bytes.
        if let cached = file.readCached(at: 100, count: 5000) {
            #expect(cached == Array(bytes[100...].prefix(cached.count)))
        }
        #expect((file.readCached(at: bytes.count, count: 10) ?? []).isEmpty)
        let reader = ContentReader(file: file, size: bytes.count, dataOffset: 0, format: .crlf)
        let text = try text(reader, 64 << 10) { _ in }
        #expect(text == Array((0..<20_000).map { "line \($0) of the message\r\n" }.joined().utf8))
    }
}
