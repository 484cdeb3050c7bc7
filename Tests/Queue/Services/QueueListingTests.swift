import MailSyntax
import MailSystem
import Spool
import TestSupport
import Testing

@testable import Queue

struct QueueListingTests {
    @Test func messagesWithTheirReasons() throws {
        let bench = ManagerBench(answer: delivered)
        let waiting = try bench.write(["x@example.com"], sender: "")
        let late = try bench.write(["slow@example.com", "new@example.com"], queue: "deferred")
        try BounceLog.append(
            bench.directory, queue: "defer", id: late,
            RecipientLogEntry(
                recipient: "slow@example.com", offset: try offset(of: "slow@example.com", late, bench), status: "4.4.1",
                action: "delayed", reason: "connect to mx: Connection refused"))
        let listing = QueueListing(directory: bench.directory, emptyAddress: "MAILER-DAEMON")
        var bytes: [UInt8] = []
        while true {
            var entries = listing.nextEntries(2)[...]
            if entries.isEmpty { break }
            while !entries.isEmpty { bytes += listing.render(&entries, size: 1) }
        }
        var lists: [[String]] = []
        while case .complete(let list, let consumed) = AttributeCodec.decode(bytes, as: .null), consumed > 0,
            !bytes.isEmpty
        {
            lists.append(list.map(\.value))
            bytes.removeFirst(consumed)
        }
        let arrival = String(bench.clock.now().seconds)
        try #require(lists.count == 2)
        #expect(lists[0].prefix(3) == ["incoming", waiting.text, arrival])
        #expect(lists[0].dropFirst(4) == ["0", "MAILER-DAEMON", "x@example.com", ""])
        #expect(
            lists[1].dropFirst(4) == [
                "0", "a@example.org", "slow@example.com", "connect to mx: Connection refused", "new@example.com", "",
            ])
    }

    private func offset(of address: String, _ id: QueueID, _ bench: ManagerBench) throws -> Int {
        let reader = try QueueFileReader.open(bench.directory, queue: "deferred", id: id)
        defer { reader.close() }
        let message = try reader.envelope()
        let cursor = try #require(message.recipients)
        return try #require(
            try reader.recipients(of: message, from: cursor, limit: 9).batch.first { $0.address == address }
        )
        .offset
    }
}

struct PostlogServerTests {
    @Test func recordsAreTakenApart() {
        let record = PostlogServer.parse(Array("Nov 23 10:00:00 mail postfix/postfix-script[12]: fatal: no queue".utf8))
        #expect(record == LogRecord(tag: "postfix/postfix-script", severity: .fatal, text: "no queue"))
        let info = PostlogServer.parse(Array("Nov  3 10:00:00 mail postfix/master[1]: daemon started: yes".utf8))
        #expect(info == LogRecord(tag: "postfix/master", severity: .info, text: "daemon started: yes"))
        #expect(PostlogServer.parse(Array("nonsense".utf8)) == nil)
    }
}
