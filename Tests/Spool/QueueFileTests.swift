import Glibc
import MailSystem
import Synchronization
import TestSupport
import Testing

@testable import Spool

/// A committed message in a store in memory.
private struct Sample {
    let store = MemoryFileStore(directories: ["incoming", "active", "deferred", "corrupt", "bounce", "defer"])
    var directory: QueueDirectory { QueueDirectory(store: store) }

    func write(
        lines: String = "Subject: x\n\nbody\n", recipients: [String] = ["a@b.example"], extracted: [String] = [],
        lineLimit: Int = 2048
    ) throws -> QueueID {
        let writer = try QueueFileWriter.create(in: directory, time: MailTime(seconds: 5, microseconds: 0xabc))
        writer.append(.size, SizeRecord().payload)
        writer.append(.time, "5 600")
        writer.append(attribute: "create_time", "5")
        writer.append(attribute: "rewrite_context", "remote")
        writer.append(.sender, "s@c.example")
        writer.append(attribute: "encoding", "8bit")
        writer.append(attribute: "log_client_name", "host")
        writer.append(.warning, RecordCodec.column15(99))
        for recipient in recipients { append(recipient, to: writer) }
        writer.append(.message)
        let data = writer.offset
        let rest = Array(lines.utf8).withUnsafeBytes { writer.append(lines: $0, limit: lineLimit) }
        #expect(rest == 0)
        let end = writer.offset
        writer.append(.extracted)
        for recipient in extracted { append(recipient, to: writer) }
        writer.append(.end)
        try writer.commit(
            size: SizeRecord(
                segmentLength: end - data, dataOffset: data, recipientCount: recipients.count + extracted.count,
                contentLength: end - data))
        return writer.id
    }

    private func append(_ recipient: String, to writer: QueueFileWriter) {
        writer.append(attribute: "notify_flags", "4")
        writer.append(attribute: "dsn_orig_rcpt", "rfc822;o+\(recipient)")
        writer.append(.originalRecipient, "o+\(recipient)")
        writer.append(.recipient, recipient)
    }

    func reader(_ id: QueueID, queue: String = "incoming") throws -> QueueFileReader {
        try QueueFileReader.open(directory, queue: queue, id: id, writing: true)
    }
}

@Suite struct QueueFileTests {
    @Test func committedFilesAreCompleteAndDurable() throws {
        let sample = Sample()
        let id = try sample.write()
        let status = try sample.directory.status(queue: "incoming", id: id)
        #expect(status.isReadyQueueFile)
        #expect(status.permissions == 0o700)
        #expect(id.inode == status.inode)
        #expect(sample.store.isSynchronized("incoming/\(id)"))
        let message = try sample.reader(id).envelope()
        #expect(message.sender == "s@c.example")
        #expect(message.arrival == MailTime(seconds: 5, microseconds: 600))
        #expect(message.created == 5)
        #expect(message.rewriteContext == "remote")
        #expect(message.encoding == "8bit")
        #expect(message.clientName == "host")
        #expect(message.warningTime == 99)
    }

    @Test func abandonedFilesLeaveNothing() throws {
        let sample = Sample()
        do {
            let writer = try QueueFileWriter.create(in: sample.directory, time: MailTime(seconds: 1))
            #expect(sample.store.paths == ["incoming/\(writer.id)"])
            #expect(try !sample.directory.status(queue: "incoming", id: writer.id).isReadyQueueFile)
            writer.abort()
        }
        #expect(sample.store.paths.isEmpty)
        sample.store.setFault { operation, _ in operation == "synchronize" ? 28 : nil }
        #expect(throws: SystemError.self) { try sample.write() }
        #expect(sample.store.paths.isEmpty)
    }

    @Test func recipientsAreReadPiecewiseFromBothSegments() throws {
        let sample = Sample()
        let envelope = (0..<250).map { "r\($0)@b.example" }
        let id = try sample.write(recipients: envelope, extracted: ["x@b.example", "y@b.example"])
        let reader = try sample.reader(id)
        let message = try reader.envelope()
        var cursor = message.recipients
        var found: [QueuedRecipient] = []
        while let position = cursor {
            let (batch, next) = try reader.recipients(of: message, from: position, limit: 100)
            #expect(batch.count <= 100)
            found += batch
            cursor = next
        }
        #expect(found.map(\.address) == envelope + ["x@b.example", "y@b.example"])
        #expect(found.first?.original == "o+r0@b.example")
        #expect(found.first?.dsnOriginal == "rfc822;o+r0@b.example")
        #expect(found.first?.dsnNotify == 4)

        try reader.markDone(at: found[1].offset)
        let start = try #require(message.recipients)
        let again = try sample.reader(id).recipients(of: message, from: start, limit: 2)
        #expect(again.batch.map(\.address) == ["r0@b.example", "r2@b.example"])
        #expect(throws: QueueFileError.self) { try reader.markDone(at: 0) }
    }

    /// sender_bcc_maps puts a recipient before the attributes of the client.
    @Test func attributesAfterTheFirstRecipientAreRead() throws {
        let sample = Sample()
        let writer = try QueueFileWriter.create(in: sample.directory, time: MailTime(seconds: 5))
        writer.append(.size, SizeRecord().payload)
        writer.append(.time, "5 0")
        writer.append(.sender, "s@c.example")
        writer.append(.originalRecipient, "bcc@c.example")
        writer.append(.recipient, "bcc@c.example")
        writer.append(attribute: "log_client_name", "host")
        writer.append(.recipient, "r@c.example")
        writer.append(.message)
        let data = writer.offset
        writer.append(.extracted)
        writer.append(.end)
        try writer.commit(size: SizeRecord(segmentLength: 0, dataOffset: data, recipientCount: 2))
        let reader = try sample.reader(writer.id)
        let message = try reader.envelope()
        #expect(message.clientName == "host")
        let cursor = try #require(message.recipients)
        let all = try reader.recipients(of: message, from: cursor, limit: 10)
        #expect(all.batch.map(\.address) == ["bcc@c.example", "r@c.example"])
    }

    @Test func manyRecipientsAreNotReadWithTheEnvelope() throws {
        let sample = Sample()
        let id = try sample.write(recipients: (0..<20_000).map { "recipient\($0)@b.example" })
        let reader = try sample.reader(id)
        // Two megabytes of recipients, windows of 32 kilobytes.
        let reads = Mutex(0)
        sample.store.setFault { operation, _ in
            if operation == "read" { reads.withLock { $0 += 1 } }
            return nil
        }
        _ = try reader.envelope()
        #expect(reads.withLock { $0 } < 10)
    }

    @Test func warningsAndTracesAreMarkedInPlace() throws {
        let sample = Sample()
        let id = try sample.write()
        let reader = try sample.reader(id)
        let message = try reader.envelope()
        try reader.markWarned(at: try #require(message.warningOffset))
        #expect(try sample.reader(id).envelope().warningTime == -1)
    }

    @Test(arguments: [
        (ContentReader.Format.text, ".a\n..\nlong line\n\n"),
        (.crlf, ".a\r\n..\r\nlong line\r\n\r\n"),
        (.smtp(lineLimit: 0), "..a\r\n...\r\nlong line\r\n\r\n"),
        (.smtp(lineLimit: 5), "..a\r\n...\r\nlong \r\n line\r\n\r\n"),
    ])
    func contentStreamsInEachFormat(format: ContentReader.Format, expected: String) throws {
        let sample = Sample()
        // Records of four bytes: lines are split in the file, and windows of 64 bytes end inside records.
        for limit in [4, 2048] {
            let id = try sample.write(lines: ".a\n..\nlong line\n\n", lineLimit: limit)
            let reader = try sample.reader(id)
            let offset = try reader.envelope().size.dataOffset
            let content = ContentReader(
                file: reader.file, size: reader.size, dataOffset: offset, format: format, windowSize: 64)
            var bytes: [UInt8] = []
            while let chunk = try content.nextChunk(3) { bytes += chunk }
            #expect(String(decoding: bytes, as: UTF8.self) == expected)
        }
    }

    @Test func pointersAreFollowedAndLoopsEnd() throws {
        let sample = Sample()
        let writer = try QueueFileWriter.create(in: sample.directory, time: MailTime(seconds: 1))
        let loop = writer.append(pointer: 0)
        writer.append(.sender, "s")
        try writer.overwrite(RecordCodec.encode(.pointer, RecordCodec.column15(0).utf8), at: loop)
        let back = writer.append(pointer: 0)
        try writer.overwrite(RecordCodec.encode(.pointer, RecordCodec.column15(17).utf8), at: back)
        let reader = try writer.reader()
        #expect(throws: QueueFileError.self) {
            while let record = try reader.next() { #expect(record.type == .sender) }
        }
    }

    @Test func damagedFilesAreReportedNotTrapped() throws {
        let sample = Sample()
        let id = try sample.write()
        let good = try #require(sample.store.contents("incoming/\(id)"))
        for index in stride(from: 0, to: good.count, by: 3) {
            for value in [UInt8(0), 0x7f, 0xff, 0x45, 0x70] {
                var bad = good
                bad[index] = value
                let file = try sample.store.create("active/\(index)x\(value)", permissions: 0o700)
                try file.write(bad, at: 0)
                do {
                    let reader = try QueueFileReader(file: file)
                    let message = try reader.envelope()
                    if let cursor = message.recipients {
                        _ = try reader.recipients(of: message, from: cursor, limit: 5)
                    }
                    let content = ContentReader(reader, dataOffset: message.size.dataOffset, format: .text)
                    while try content.nextChunk() != nil {}
                } catch is QueueFileError {
                }
                try sample.store.remove("active/\(index)x\(value)")
            }
            let short = try sample.store.create("active/short\(index)", permissions: 0o700)
            try short.write(Array(good[..<index]), at: 0)
            #expect(throws: QueueFileError.self) { _ = try QueueFileReader(file: short).envelope() }
        }
    }
}

@Suite struct QueueDirectoryTests {
    @Test func deferredMailIsHashedAndFoundByTheScan() throws {
        let sample = Sample()
        let ids = try (0..<20).map { _ in try sample.write() }
        for id in ids { try sample.directory.move(id, from: "incoming", to: "deferred") }
        #expect(sample.store.paths.allSatisfy { $0.hasPrefix("deferred/0/") })
        let scan = sample.directory.scan("deferred")
        var found: [QueueID] = []
        while true {
            let some = try scan.next(7)
            found += some
            if some.count < 7 { break }
        }
        #expect(Set(found) == Set(ids))
        let nothing: QueueID? = try sample.directory.scan("nowhere").next()
        #expect(nothing == nil)
        #expect(sample.directory.locate(ids[0])?.queue == "deferred")
    }
}

@Suite struct BounceLogTests {
    private let store = MemoryFileStore(directories: ["defer", "bounce"])
    private var directory: QueueDirectory { QueueDirectory(store: store) }
    private let entry = RecipientLogEntry(
        recipient: "q x@tmp.example", originalRecipient: "other@tmp.example", offset: 378,
        dsnOriginalRecipient: "rfc822;q x@tmp.example", dsnNotify: 4, status: "4.3.0", action: "delayed",
        diagnosticType: "smtp", diagnosticText: "450 no", mtaType: "dns", mtaName: "mx.example",
        reason: "mail transport unavailable")

    @Test func entriesHaveTheTextOfPostfix() throws {
        let id = try #require(QueueID("39F06F784BE"))
        try BounceLog.append(directory, queue: "defer", id: id, entry)
        let text = try #require(store.contents("defer/3/39F06F784BE"))
        #expect(
            String(decoding: text, as: UTF8.self) == """

                <"q x"@tmp.example>: mail transport unavailable
                recipient="q x"@tmp.example
                original_recipient=other@tmp.example
                offset=378
                dsn_orig_rcpt=rfc822;q x@tmp.example
                notify_flags=4
                status=4.3.0
                action=delayed
                diag_type=smtp
                diag_text=450 no
                mta_type=dns
                mta_mname=mx.example
                reason=mail transport unavailable


                """)
        #expect(store.isSynchronized("defer/3/39F06F784BE"))
        #expect(try BounceLog.read(directory, queue: "defer", id: id) == [entry])
    }

    @Test func concurrentEntriesAllArrive() async throws {
        let root = "/tmp/apus-log-test.\(getpid())"
        mkdir(root, 0o700)
        defer {
            for name in ["defer/3/39F06F784BE"] { unlink("\(root)/\(name)") }
            for name in ["/defer/3", "/defer", ""] { rmdir(root + name) }
        }
        let directory = QueueDirectory(store: POSIXFileStore(root: root))
        let id = try #require(QueueID("39F06F784BE"))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { try? BounceLog.append(directory, queue: "defer", id: id, entry) } }
        }
        #expect(try BounceLog.read(directory, queue: "defer", id: id).count == 50)
    }

    @Test func aFailedAppendLeavesTheLogAsItWas() throws {
        let id = try #require(QueueID("39F06F784BE"))
        try BounceLog.append(directory, queue: "defer", id: id, entry)
        let before = store.contents("defer/3/39F06F784BE")
        store.setFault { operation, _ in operation == "synchronize" ? 28 : nil }
        #expect(throws: SystemError.self) { try BounceLog.append(directory, queue: "defer", id: id, entry) }
        #expect(store.contents("defer/3/39F06F784BE") == before)
    }

    @Test func oldAndPartialEntriesGetDefaults() {
        var parser = BounceLogParser(isDeferLog: false)
        let entries = ["<a b@c>: went wrong", "", "", "status=5.1.1", "nonsense=1", ""].compactMap { parser.take($0) }
        #expect(
            entries == [
                RecipientLogEntry(recipient: "a b@c", status: "5.0.0", action: "failed", reason: "went wrong"),
                RecipientLogEntry(
                    recipient: "(recipient address unavailable)", status: "5.1.1", action: "failed",
                    reason: "(description unavailable)"),
            ])
        #expect(parser.finish() == nil)
        #expect(parser.unknownNames == ["nonsense"])
    }
}
