import Configuration
import Glibc
import MailSyntax
import MailSystem
import TestSupport

@testable import Queue
@testable import Spool
@testable import Submission

extension FuzzTarget {
    /// Queue files: each reader is total, bounded in time, and agrees with the others.
    static let queueFile = FuzzTarget("queue-file") { input in
        let store = MemoryFileStore(directories: ["q"])
        store.put("q/x", input)
        guard let file = try? store.open("q/x", writing: false) else { return }
        let raw = QueueFileReader(file: file, size: input.count, options: [])
        var copy: [UInt8] = []
        var isWhole = true
        do {
            while let record = try raw.next() {
                require(record.nextOffset <= input.count && record.offset < record.nextOffset, "records follow")
                RecordCodec.append(record.type, record.payload, to: &copy)
            }
        } catch { isWhole = false }
        // Lengths have longer forms, which nobody writes.
        if isWhole, copy.count == input.count { require(copy == input, "encode(decode(x))") }
        let reader = QueueFileReader(file: file, size: input.count)
        if let message = try? reader.envelope(), var cursor = message.recipients {
            var batches = 0
            while batches < 1000, let (batch, next) = try? reader.recipients(of: message, from: cursor, limit: 10) {
                require(batch.count <= 10, "the limit of a batch")
                batches += 1
                guard let next else { break }
                cursor = next
            }
        }
        _ = try? reader.envelope(requireComplete: false)
        readContent(file, input.count)
    }

    private static func readContent(_ file: any StoredFile, _ size: Int) {
        for format in [ContentReader.Format.text, .crlf, .smtp(lineLimit: 50)] {
            let reader = ContentReader(file: file, size: size, dataOffset: 0, format: format)
            var total = 0
            while let chunk = try? reader.nextChunk(100) {
                total += chunk.count
                if total > 1 << 20 { break }
            }
        }
    }

    static let maildrop = FuzzTarget("maildrop") { input in
        let store = MemoryFileStore(directories: ["maildrop"])
        store.put("maildrop/x", input)
        guard let file = try? store.open("maildrop/x", writing: false), let status = try? file.status(),
            let reader = try? MaildropReader(file: file, status: status)
        else { return }
        var recipients = 0
        while let batch = try? reader.nextRecipients(.envelope, 10), !batch.isEmpty { recipients += batch.count }
        var size = 0
        while size < 1 << 20, let chunk = try? reader.nextContent() { size += chunk.count }
        while let batch = try? reader.nextRecipients(.extracted, 10), !batch.isEmpty { recipients += batch.count }
        require(recipients <= input.count * 10_001, "recipients come from records")
    }

    /// What postdrop lets through, pickup understands; what would forge a record does not pass.
    static let postdropRecords = FuzzTarget("postdrop-records") { input in
        var filter = MaildropFilter()
        var kept: [UInt8] = []
        var rest = input[...]
        records: while case .header(let header) = RecordCodec.header(rest) {
            let payload = Array(rest.dropFirst(header.size).prefix(header.length))
            guard payload.count == header.length else { break }
            rest = rest.dropFirst(header.size + header.length)
            switch filter.take(header.type, payload) {
            case .keep: RecordCodec.append(header.type, payload, to: &kept)
            case .end:
                RecordCodec.append(header.type, payload, to: &kept)
                break records
            case .refuse: return
            case .drop, .warn: continue
            }
        }
        var reader = MaildropFilter()
        var again = kept[...]
        while case .header(let header) = RecordCodec.header(again) {
            let payload = Array(again.dropFirst(header.size).prefix(header.length))
            again = again.dropFirst(header.size + header.length)
            let verdict = reader.take(header.type, payload)
            require(verdict == .keep || verdict == .end, "what passed once passes again")
            require(header.type != .pointer && header.type != .done && header.type != .killed, "no such record")
        }
    }

    static let bounceLog = FuzzTarget("bounce-log") { input in
        for isDefer in [false, true] {
            var parser = BounceLogParser(isDeferLog: isDefer)
            var entries: [RecipientLogEntry] = []
            for line in input.split(separator: 0x0A, omittingEmptySubsequences: false) {
                if let entry = parser.take(String(decoding: line, as: UTF8.self)) { entries.append(entry) }
            }
            if let entry = parser.finish() { entries.append(entry) }
            for entry in entries { roundTrip(entry, isDefer) }
        }
        var fields = InputReader(input)
        roundTrip(
            RecipientLogEntry(
                recipient: fields.text(), originalRecipient: fields.text(), offset: 7, dsnOriginalRecipient: "",
                dsnNotify: 3, status: "5.1.1", action: "failed", reason: fields.text()), false)
    }

    /// An entry that is written is one entry: no value forges another.
    private static func roundTrip(_ entry: RecipientLogEntry, _ isDefer: Bool) {
        var bytes: [UInt8] = []
        BounceLogCodec.append(entry, backwardsCompatible: true, to: &bytes)
        var parser = BounceLogParser(isDeferLog: isDefer)
        var found: [RecipientLogEntry] = []
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if let entry = parser.take(String(decoding: line, as: UTF8.self)) { found.append(entry) }
        }
        require(found.count == 1, "one entry: \(entry)")
        require(found.first?.offset == max(entry.offset, 0), "the offset: \(entry)")
        require(found.first?.dsnNotify == entry.dsnNotify, "notify: \(entry)")
    }

    /// Notifications quote remote replies and addresses: no value becomes a header or ends a part.
    static let notification = FuzzTarget("notification") { input in
        var fields = InputReader(input)
        var message = QueuedMessage()
        message.sender = fields.text()
        message.dsnEnvelopeID = fields.text()
        let entry = RecipientLogEntry(
            recipient: fields.text(), originalRecipient: fields.text(), offset: 0, dsnOriginalRecipient: fields.text(),
            dsnNotify: 0, status: fields.text(), action: "failed", diagnosticType: "smtp",
            diagnosticText: fields.text(), mtaType: "dns", mtaName: fields.text(), reason: fields.text())
        let settings = NotificationSettings(Parameters(values: ["myhostname": "mail.test", "mydomain": "test"]))
        let notification = Notification(
            .failure, to: message.sender, subject: .init(queueID: "ABC", message: message), settings: settings,
            now: MailTime(seconds: 1))
        let original = QueueFileReader(file: emptyMessage, size: emptyMessageBytes.count)
        var output: [UInt8] = []
        do {
            try notification.write(log: OneEntryLog(entry: entry), original: original) { output += $0 }
        } catch { return }
        let headerEnd = output.firstRange(of: Array("\n\n".utf8))?.lowerBound ?? output.endIndex
        for line in output[..<headerEnd].split(separator: 0x0A).dropFirst() {
            let isFolded = line.first == 0x20 || line.first == 0x09
            let name = String(decoding: line.prefix { $0 != 0x3A }, as: UTF8.self)
            require(isFolded || notificationHeaders.contains(name), "an unexpected header: \(name)")
        }
        let parts = output.split(separator: 0x0A).filter { $0.starts(with: "--ABC.1/mail.test".utf8) }
        require(parts.count == 4, "three parts and their end")
    }

    private static let notificationHeaders: Set<String> = [
        "From", "Subject", "To", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    ]

    private static let emptyMessageBytes: [UInt8] = {
        var bytes: [UInt8] = []
        RecordCodec.append(.line, "Subject: x", to: &bytes)
        RecordCodec.append(.line, "", to: &bytes)
        RecordCodec.append(.extracted, "", to: &bytes)
        RecordCodec.append(.end, "", to: &bytes)
        return bytes
    }()

    private static var emptyMessage: any StoredFile {
        let store = MemoryFileStore(directories: ["q"])
        store.put("q/x", emptyMessageBytes)
        guard let file = try? store.open("q/x", writing: false) else { fatalError("memory") }
        return file
    }

    private struct OneEntryLog: NotificationLog {
        let entry: RecipientLogEntry
        func makeCursor() throws -> any NotificationLogCursor { Cursor(entry) }

        final class Cursor: NotificationLogCursor {
            private var entry: RecipientLogEntry?
            init(_ entry: RecipientLogEntry) { self.entry = entry }
            func next() throws -> RecipientLogEntry? {
                defer { entry = nil }
                return entry
            }
            func close() {}
        }
    }

    static let postlog = FuzzTarget("postlog") { input in
        guard let record = PostlogServer.parse(input) else { return }
        require(!record.text.utf8.contains { $0 < 0x20 }, "a log line")
    }

    /// What showq sends, as postqueue reads it.
    static let queueListing = FuzzTarget("queue-listing") { input in
        // A pipe holds 64 KiB.
        var ends: [CInt] = [0, 0]
        guard input.count < 1 << 16, pipe(&ends) == 0 else { return }
        defer { close(ends[0]) }
        _ = input.withUnsafeBytes { write(ends[1], $0.baseAddress, $0.count) }
        close(ends[1])
        var reader = QueueListingReader(ends[0])
        var receiver = CountingReceiver()
        try? reader.read(to: &receiver)
        require(receiver.recipients <= input.count, "recipients come from bytes")
    }

    private struct CountingReceiver: QueueListingReceiver {
        var recipients = 0
        mutating func begin(_ message: Submission.QueueListing) throws {}
        mutating func recipient(_ recipient: Submission.QueueListing.Recipient) throws { recipients += 1 }
        mutating func endMessage() throws {}
        mutating func end() throws {}
    }
}
