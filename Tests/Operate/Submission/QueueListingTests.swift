import Glibc
import MailSystem
import Testing

@testable import Submission

@Suite struct QueueListingTests {
    private func reply() -> [UInt8] {
        var bytes = QueueListingEncoder.greeting
        bytes += QueueListingEncoder.message(
            QueueListing(
                queueName: "deferred", queueID: "39F06F784BE", arrival: 1_795_376_699, size: 2980, forcedExpire: false,
                sender: "me@example.com"))
        for (address, reason) in [
            ("a@slow.example", "deferred transport"), ("\"q x\"@tmp.example", "mail \"x\" unavailable"),
            ("b@dead.example", "mail \"x\" unavailable"), ("c@dead.example", ""),
        ] {
            bytes += QueueListingEncoder.recipient(
                .init(address: address, logClass: reason.isEmpty ? "" : "defer", reason: reason))
        }
        bytes += QueueListingEncoder.endOfMessage
        bytes += QueueListingEncoder.message(
            QueueListing(
                queueName: "active", queueID: "A1", arrival: 0, size: 10, forcedExpire: true, sender: "MAILER-DAEMON"))
        bytes += QueueListingEncoder.endOfMessage
        return bytes + QueueListingEncoder.end
    }

    private func show<Receiver: QueueListingReceiver>(
        _ bytes: [UInt8], _ make: (@escaping (String) throws -> Void) -> Receiver
    ) throws -> String {
        let (reading, writing) = try Descriptors.pipe()
        defer { Descriptors.close(reading) }
        try Descriptors.writeAll(bytes, to: writing)
        Descriptors.close(writing)
        var text = ""
        var receiver = make { text += $0 }
        var reader = QueueListingReader(reading)
        try reader.read(to: &receiver)
        return text
    }

    @Test func mailqText() throws {
        setenv("TZ", "UTC", 1)
        tzset()
        #expect(
            try show(reply()) { QueueListingText(longIDs: false, write: $0) } == """
                -Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------
                39F06F784BE    2980 Sun Nov 22 19:44:59  me@example.com
                                                                          (deferred transport)
                                                         a@slow.example
                                                                        (mail "x" unavailable)
                                                         "q x"@tmp.example
                                                         b@dead.example
                                                                          (reason unavailable)
                                                         c@dead.example

                A1*#             10 Thu Jan  1 00:00:00  MAILER-DAEMON

                -- 2 Kbytes in 2 Requests.

                """)
    }

    @Test func jsonLines() throws {
        #expect(
            try show(reply()) { QueueListingJSON(write: $0) }.split(separator: "\n").first == """
                {"queue_name": "deferred", "queue_id": "39F06F784BE", "arrival_time": 1795376699, "message_size": 2980, \
                "forced_expire": false, "sender": "me@example.com", "recipients": [{"address": "a@slow.example", \
                "delay_reason": "deferred transport"}, {"address": "\\"q x\\"@tmp.example", "delay_reason": \
                "mail \\"x\\" unavailable"}, {"address": "b@dead.example", "delay_reason": "mail \\"x\\" unavailable"}, \
                {"address": "c@dead.example"}]}
                """)
    }

    @Test func anEmptyQueue() throws {
        let bytes = QueueListingEncoder.greeting + QueueListingEncoder.end
        #expect(try show(bytes) { QueueListingText(longIDs: true, write: $0) } == "Mail queue is empty\n")
        #expect(try show(bytes) { QueueListingJSON(write: $0) } == "")
    }

    @Test func aCutReplyIsMalformed() throws {
        #expect(throws: QueueListingReader.Malformed.self) {
            try show(Array(reply().dropLast(2))) { QueueListingText(longIDs: false, write: $0) }
        }
    }
}
