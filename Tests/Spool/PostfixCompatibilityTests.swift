import Glibc
import MailSystem
import Testing

@testable import Spool

/// What we write, Debian's postcat reads. Runs where that is installed.
@Suite struct PostfixCompatibilityTests {
    static var hasPostcat: Bool { access("/usr/sbin/postcat", X_OK) == 0 }

    @Test(.enabled(if: hasPostcat)) func postcatReadsOurFiles() throws {
        let root = "/tmp/apus-spool-test.\(getpid())"
        let store = POSIXFileStore(root: root)
        mkdir(root, 0o700)
        mkdir("\(root)/incoming", 0o700)
        defer {
            rmdir("\(root)/incoming")
            rmdir(root)
        }
        let writer = try QueueFileWriter.create(
            in: QueueDirectory(store: store, longIDs: true), time: MailTime(seconds: 1_795_376_699, microseconds: 5))
        writer.append(.size, SizeRecord().payload)
        writer.append(.time, "1795376699 5")
        writer.append(attribute: "create_time", "1795376699")
        writer.append(.sender, "sender@example.com")
        writer.append(.originalRecipient, "a@example.com")
        writer.append(.recipient, "a@example.com")
        writer.append(.message)
        let data = writer.offset
        let text = Array("Subject: x\n\nline\n".utf8)
        #expect(text.withUnsafeBytes { writer.append(lines: $0, limit: 2048) } == 0)
        let end = writer.offset
        writer.append(.extracted)
        writer.append(.end)
        try writer.commit(
            size: SizeRecord(segmentLength: end - data, dataOffset: data, recipientCount: 1, contentLength: end - data))
        defer { try? store.remove(writer.path) }
        #expect(writer.id.isLong)
        let (reading, writing) = try Descriptors.pipe()
        let pid = try Spawn(
            executable: "/usr/sbin/postcat", arguments: ["postcat", "\(root)/\(writer.path)"],
            environment: ["TZ=UTC"], descriptors: [1: writing, 2: writing]
        ).start()
        Descriptors.close(writing)
        var output: [UInt8] = []
        while true {
            let more = try Descriptors.read(reading, count: 4096)
            if more.isEmpty { break }
            output += more
        }
        Descriptors.close(reading)
        #expect(ProcessStatus.wait(for: pid) == .exited(0))
        let name = "\(root)/\(writer.path)"
        #expect(
            String(decoding: output, as: UTF8.self) == """
                *** ENVELOPE RECORDS \(name) ***
                message_size:              20             187               1               0              20               0
                message_arrival_time: Sun Nov 22 19:44:59 2026
                create_time: Sun Nov 22 19:44:59 2026
                sender: sender@example.com
                original_recipient: a@example.com
                recipient: a@example.com
                *** MESSAGE CONTENTS \(name) ***
                Subject: x

                line
                *** HEADER EXTRACTED \(name) ***
                *** MESSAGE FILE END \(name) ***

                """)
    }
}
