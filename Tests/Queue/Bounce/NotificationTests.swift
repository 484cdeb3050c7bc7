import Configuration
import Glibc
import MailSystem
import Spool
import TestSupport
import Testing

@testable import Queue

/// The texts were recorded from Debian's Postfix 3.7.11.
@Suite struct NotificationTests {
    private static let id = "D0096F7878A"
    private static let longReason =
        "no such domain here, this is a very long line of explanation that should be folded by the bounce daemon in the"
        + " notification text because it exceeds"
    private let store = MemoryFileStore(directories: ["active"])
    private var directory: QueueDirectory { QueueDirectory(store: store) }

    init() {
        setenv("TZ", "UTC", 1)
        tzset()
    }

    private func settings(_ more: [String: String] = [:]) -> NotificationSettings {
        var values = [
            "myhostname": "mail.example.com", "mydomain": "example.com", "delay_warning_time": "1s",
            "compatibility_level": "3.6",
        ]
        values.merge(more) { $1 }
        return NotificationSettings(Parameters(values: values))
    }

    private func original(
        _ text: String, sender: String = "me6@slow.example", attributes: [(String, String)] = [],
        options: SizeRecord.SendOptions = [], extracted: [(String, String)] = []
    ) throws -> (QueuedMessage, QueueFileReader) {
        let writer = try QueueFileWriter.create(in: directory, queue: "active", time: MailTime(seconds: 1))
        writer.append(.size, SizeRecord().payload)
        writer.append(.time, "1795378554 5")
        writer.append(.sender, sender)
        for (name, value) in attributes { writer.append(attribute: name, value) }
        writer.append(.message)
        let data = writer.offset
        let rest = Array(text.utf8).withUnsafeBytes { writer.append(lines: $0, limit: 2048) }
        #expect(rest == 0)
        let end = writer.offset
        writer.append(.extracted)
        for (name, value) in extracted { writer.append(attribute: name, value) }
        writer.append(.end)
        try writer.commit(
            size: SizeRecord(
                segmentLength: end - data, dataOffset: data, contentLength: end - data, sendOptions: options))
        let reader = try QueueFileReader.open(directory, queue: "active", id: writer.id)
        return (try reader.envelope(), reader)
    }

    private func text(
        _ kind: ReportKind, to recipient: String = "me6@slow.example", _ entries: [RecipientLogEntry],
        _ original: (QueuedMessage, QueueFileReader), _ settings: NotificationSettings
    ) throws -> String {
        var bytes: [UInt8] = []
        let notification = Notification(
            kind, to: recipient, subject: .init(queueID: Self.id, message: original.0), settings: settings,
            now: MailTime(seconds: 1_795_378_554))
        try notification.write(log: entries, original: original.1) { bytes += $0 }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func failed(_ address: String) -> RecipientLogEntry {
        RecipientLogEntry(
            recipient: address, dsnOriginalRecipient: "rfc822;\(address)", status: "5.1.1", action: "failed",
            reason: Self.longReason)
    }

    private static let delayed = RecipientLogEntry(
        recipient: "e@tmp.example", dsnOriginalRecipient: "rfc822;e@tmp.example", status: "4.4.4", action: "delayed",
        reason: "later please")

    private static let content = "From: me@slow.example\nSubject: hi\nX-Foo: aaa\n bbb\n\nbody line\n.dot\nFrom x\n"

    @Test func undeliverableMailIsReturned() throws {
        let message = try original(Self.content, attributes: [("envelope_id", "env+id")])
        #expect(
            try text(.failure, [failed("c@dead.example"), failed("q x@dead.example")], message, settings()) == """
                From: Mail Delivery System <MAILER-DAEMON>
                Subject: Undelivered Mail Returned to Sender
                To: me6@slow.example
                Auto-Submitted: auto-replied
                MIME-Version: 1.0
                Content-Type: multipart/report; report-type=delivery-status;
                	boundary="D0096F7878A.1795378554/mail.example.com"
                Content-Transfer-Encoding: 8bit

                This is a MIME-encapsulated message.

                --D0096F7878A.1795378554/mail.example.com
                Content-Description: Notification
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: 8bit

                This is the mail system at host mail.example.com.

                I'm sorry to have to inform you that your message could not
                be delivered to one or more recipients. It's attached below.

                For further assistance, please send mail to postmaster.

                If you do so, please include this problem report. You can
                delete your own text from the attached returned message.

                                   The mail system

                <c@dead.example>: no such domain here, this is a very long line of explanation
                    that should be folded by the bounce daemon in the notification text because
                    it exceeds

                <"q x"@dead.example>: no such domain here, this is a very long line of
                    explanation that should be folded by the bounce daemon in the notification
                    text because it exceeds

                --D0096F7878A.1795378554/mail.example.com
                Content-Description: Delivery report
                Content-Type: message/delivery-status

                Reporting-MTA: dns; mail.example.com
                Original-Envelope-Id: env+id
                X-Postfix-Queue-ID: D0096F7878A
                X-Postfix-Sender: rfc822; me6@slow.example
                Arrival-Date: Sun, 22 Nov 2026 20:15:54 +0000 (UTC)

                Final-Recipient: rfc822; c@dead.example
                Original-Recipient: rfc822;c@dead.example
                Action: failed
                Status: 5.1.1
                Diagnostic-Code: X-Postfix; no such domain here, this is a very long line of
                    explanation that should be folded by the bounce daemon in the notification
                    text because it exceeds

                Final-Recipient: rfc822; "q x"@dead.example
                Original-Recipient: rfc822;q x@dead.example
                Action: failed
                Status: 5.1.1
                Diagnostic-Code: X-Postfix; no such domain here, this is a very long line of
                    explanation that should be folded by the bounce daemon in the notification
                    text because it exceeds

                --D0096F7878A.1795378554/mail.example.com
                Content-Description: Undelivered Message
                Content-Type: message/rfc822
                Content-Transfer-Encoding: 8bit

                Return-Path: <me6@slow.example>
                From: me@slow.example
                Subject: hi
                X-Foo: aaa
                 bbb

                body line
                .dot
                From x

                --D0096F7878A.1795378554/mail.example.com--

                """)
    }

    @Test func thePostmasterGetsHeadersOfLateMail() throws {
        let message = try original(Self.content)
        let result = try text(.postmasterDelay, to: "dpm@slow.example", [Self.delayed], message, settings())
        #expect(
            result == """
                From: Mail Delivery System <MAILER-DAEMON>
                Subject: Postmaster Warning: Delayed Mail
                To: dpm@slow.example
                Auto-Submitted: auto-generated
                MIME-Version: 1.0
                Content-Type: multipart/report; report-type=delivery-status;
                	boundary="D0096F7878A.1795378554/mail.example.com"
                Content-Transfer-Encoding: 8bit

                This is a MIME-encapsulated message.

                --D0096F7878A.1795378554/mail.example.com
                Content-Description: Notification
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: 8bit


                <e@tmp.example>: later please

                --D0096F7878A.1795378554/mail.example.com
                Content-Description: Delivery report
                Content-Type: message/delivery-status

                Reporting-MTA: dns; mail.example.com
                X-Postfix-Queue-ID: D0096F7878A
                X-Postfix-Sender: rfc822; me6@slow.example
                Arrival-Date: Sun, 22 Nov 2026 20:15:54 +0000 (UTC)

                Final-Recipient: rfc822; e@tmp.example
                Original-Recipient: rfc822;e@tmp.example
                Action: delayed
                Status: 4.4.4
                Diagnostic-Code: X-Postfix; later please
                Will-Retry-Until: Fri, 27 Nov 2026 20:15:54 +0000 (UTC)

                --D0096F7878A.1795378554/mail.example.com
                Content-Description: Undelivered Message Headers
                Content-Type: text/rfc822-headers
                Content-Transfer-Encoding: 8bit

                Return-Path: <me6@slow.example>
                From: me@slow.example
                Subject: hi
                X-Foo: aaa
                 bbb

                --D0096F7878A.1795378554/mail.example.com--

                """)
    }

    @Test func plainMessagesWithoutSMTPUTF8HaveNoPartEncoding() throws {
        let off = settings(["smtputf8_enable": "no"])
        let seven = try text(
            .failure, [failed("a@b.example")], original(Self.content, attributes: [("encoding", "7bit")]), off)
        #expect(seven.contains("mail.example.com\"\nContent-Transfer-Encoding: 7bit\n\nThis is"))
        #expect(seven.contains("Content-Type: text/plain; charset=us-ascii\n\nThis is"))
        #expect(seven.contains("Content-Type: message/rfc822\n\nReturn-Path"))
        let unknown = try text(.failure, [failed("a@b.example")], original(Self.content), off)
        #expect(!unknown.contains("Content-Transfer-Encoding"))
    }

    @Test func internationalMailHasGlobalParts() throws {
        let message = try original(Self.content, options: [.smtputf8Requested, .smtputf8Header])
        let result = try text(.failure, [failed("ü@dead.example")], message, settings())
        #expect(result.contains("Content-Type: message/global-delivery-status\nContent-Transfer-Encoding: 8bit\n"))
        #expect(
            result.contains("Final-Recipient: utf-8; ü@dead.example\nOriginal-Recipient: utf-8;ü@dead.example\n"))
        #expect(result.contains("Content-Type: message/global\nContent-Transfer-Encoding: 8bit\n"))
    }

    @Test func largeMessagesAndRetHeadersReturnTheHeaderOnly() throws {
        let small = try text(
            .failure, [failed("a@b.example")], original(Self.content), settings(["bounce_size_limit": "20"]))
        #expect(small.contains("Content-Description: Undelivered Message Headers\n"))
        #expect(!small.contains("body line"))
        let headers = try original(Self.content, attributes: [("ret_flags", "2")])
        #expect(try !text(.failure, [failed("a@b.example")], headers, settings()).contains("body line"))
        #expect(try text(.doubleBounce, [failed("a@b.example")], headers, settings()).contains("body line"))
    }

    @Test func nullSendersAndThreadsAndRemoteServers() throws {
        let message = try original(
            Self.content, sender: "", extracted: [("message_id", "<orig@id>")])
        var entry = failed("c@dead.example")
        entry.originalRecipient = "al@dead.example"
        entry.dsnOriginalRecipient = ""
        entry.diagnosticType = "smtp"
        entry.diagnosticText = "550 no"
        entry.mtaType = "dns"
        entry.mtaName = "mx.dead.example"
        entry.reason = "host said no"
        let result = try text(
            .doubleBounce, to: "pm", [entry], message, settings(["enable_threaded_bounces": "yes"]))
        #expect(
            result.contains("To: pm\nReferences: <orig@id>\nIn-Reply-To: <orig@id>\nAuto-Submitted: auto-generated\n"))
        #expect(result.contains("\n<c@dead.example> (expanded from <al@dead.example>): host said no\n"))
        #expect(result.contains("X-Postfix-Sender: rfc822; MAILER-DAEMON@mail.example.com\n"))
        #expect(
            result.contains(
                "Original-Recipient: rfc822; al@dead.example\nAction: failed\nStatus: 5.1.1\n"
                    + "Remote-MTA: dns; mx.dead.example\nDiagnostic-Code: smtp; 550 no\n"))
    }

    @Test(arguments: [
        (ReportKind.failure, 0, true), (.failure, 1, false), (.failure, 8, false), (.failure, 12, true),
        (.delay, 0, true), (.delay, 4, false), (.delay, 8, true), (.success, 0, false), (.success, 2, true),
        (.postmasterFailure, 1, true), (.verify, 1, true),
    ])
    func notifyChoosesTheRecipients(kind: ReportKind, notify: Int, reported: Bool) throws {
        var entry = failed("a@b.example")
        entry.dsnNotify = notify
        #expect(try Notification.count(kind, in: [entry]) == (reported ? 1 : 0))
    }

    @Test func longWordsAreNotBroken() {
        let word = String(repeating: "x", count: 100)
        #expect(TextWrapping.wrap("a \(word) b") == "a\n    \(word)\n    b\n")
    }
}
