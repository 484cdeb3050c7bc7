import Cleanup
import MailSyntax
import MailSystem
import Spool
import TestSupport
import Testing

/// Whole queue files, record for record as Debian's Postfix writes them (with message_id= of later versions).
@Suite struct QueueFileTests {
    @Test func mailFromTheNetwork() async throws {
        let fixture = CleanupFixture(["delay_warning_time": "1h"])
        let result = try await fixture.send(
            "Subject: x\nTo: foo, \"bar baz\" <x@y>\n\nhello\n",
            to: [
                RecipientSpec("foo", dsnOriginal: "rfc822;foo"),
                RecipientSpec("Bar@Home.Example", dsnNotify: 6, dsnOriginal: "rfc822;Bar@Home.Example"),
            ])
        #expect(
            result.records == [
                "C             281             742               2              12             281               0",
                "T 1795376434 274119", "A create_time=1795376434", "A log_ident=QID", "A rewrite_context=local",
                "S a@remote.example", "A log_client_name=unknown", "A log_client_address=127.0.0.1",
                "A log_client_port=53066", "A log_message_origin=unknown[127.0.0.1]", "A log_helo_name=client.example",
                "A log_protocol_name=ESMTP", "A client_name=unknown", "A reverse_client_name=unknown",
                "A client_address=127.0.0.1", "A client_port=53066", "A server_address=127.0.0.1",
                "A server_port=12625", "A helo_name=client.example", "A protocol_name=ESMTP", "A client_address_type=2",
                "W      1795380034", "A dsn_orig_rcpt=rfc822;foo", "O foo", "R foo@home.example", "A notify_flags=6",
                "A dsn_orig_rcpt=rfc822;Bar@Home.Example", "O Bar@Home.Example", "R Bar@Home.Example", "M ",
                "N Received: by mail.home.example (Postfix)", "N \tid QID; Sun, 22 Nov 2026 19:40:34 +0000 (UTC)",
                "N Subject: x", "N To: foo@home.example, \"bar baz\" <x@y>",
                "N Message-Id: <20261122194034.QID@mail.home.example>", "N Date: Sun, 22 Nov 2026 19:40:34 +0000 (UTC)",
                "N From: a@remote.example", "N ", "N hello", "X ",
                "A message_id=<20261122194034.QID@mail.home.example>", "E ",
            ])
        #expect(fixture.announced.all == [result.id])
        #expect(fixture.store.isSynchronized("incoming/\(result.id)"))
        #expect(try fixture.store.status("incoming/\(result.id)").permissions == 0o700)
        #expect(fixture.sink.texts == ["\(result.id): message-id=<20261122194034.\(result.id)@mail.home.example>"])
    }

    @Test func mailOfALocalUserWithRecipientsFromItsHeaders() async throws {
        let fixture = CleanupFixture(["delay_warning_time": "1h"])
        var envelope = fixture.envelope(.local, sender: "root")
        envelope.fullName = "Joe User"
        envelope.dsnReturn = 2
        envelope.verp = "+="
        envelope.encoding = "8bit"
        let result = try await fixture.send(
            "To: a\n\nx\n", to: [RecipientSpec("b")], extracted: [RecipientSpec("a"), RecipientSpec("b")],
            envelope: envelope)
        #expect(
            result.records.filter { !$0.hasPrefix("N ") } == [
                "C             258             299               2               0             258               0",
                "T 1795376434 274119", "A create_time=1795376434", "A ret_flags=2", "A rewrite_context=local",
                "F Joe User", "S root@home.example", "A encoding=8bit", "V +=", "W      1795380034",
                "A dsn_orig_rcpt=rfc822;b@home.example", "O b", "R b@home.example", "M ", "X ",
                "A message_id=<20261122194034.QID@mail.home.example>", "A encoding=8bit",
                "A dsn_orig_rcpt=rfc822;a@home.example", "O a", "R a@home.example", "E ",
            ])
        #expect(result.records.contains("N From: Joe User <root@home.example>"))
    }

    @Test func forwardedAndGeneratedMail() async throws {
        let fixture = CleanupFixture(["always_bcc": "b"])
        var envelope = fixture.envelope(.forwarded)
        envelope.dsnReturn = 2
        envelope.dsnEnvelopeID = "abc"
        var client = CleanupFixture.client
        client.forwarded = ForwardedFacts()
        client.forwarded?.logIdent = "ABC"
        envelope.client = client
        let forwarded = try await fixture.send(envelope: envelope)
        #expect(
            Array(forwarded.records[1...11]) == [
                "T 1795376434 274119", "A create_time=1795376434", "S a@remote.example", "A ret_flags=2",
                "A envelope_id=abc", "A log_client_name=unknown", "A log_client_address=127.0.0.1",
                "A log_protocol_name=ESMTP", "A log_helo_name=client.example", "A log_ident=ABC",
                "A rewrite_context=local",
            ])
        let bounce = try await fixture.send(envelope: fixture.envelope(.generated, sender: ""))
        #expect(
            Array(bounce.records[1...6]) == [
                "T 1795376434 274119", "A create_time=1795376434", "A log_message_origin=local", "A trace_flags=0",
                "S ",
                "A dsn_orig_rcpt=rfc822;foo@home.example",
            ])
        #expect(forwarded.only("R") + bounce.only("R") == ["R foo@home.example", "R foo@home.example"])
    }

    @Test func effectsOfAccessTables() async throws {
        let fixture = CleanupFixture()
        var effects = MessageEffects()
        effects.filter = "a:b"
        effects.redirect = "x@y"
        effects.bcc = ["bcc@home.example"]
        var envelope = fixture.envelope()
        envelope.contentFilter = "smtp:[1.2.3.4]"
        let result = try await fixture.send(envelope: envelope, effects: effects)
        #expect(result.records[3] == "L smtp:[1.2.3.4]")
        #expect(
            result.records.suffix(8) == [
                "X ", "L a:b", "> x@y", "A message_id=<20261122194034.QID@mail.home.example>",
                "A dsn_orig_rcpt=rfc822;bcc@home.example", "O bcc@home.example", "R bcc@home.example", "E ",
            ])
        effects = MessageEffects()
        effects.hold = true
        let held = try await fixture.send(effects: effects)
        #expect(held.records.isEmpty)
        #expect(fixture.dump(held.id, queue: "hold").last == "E ")
        effects.hold = false
        effects.discard = true
        let discarded = try await fixture.send(effects: effects)
        #expect(discarded.verdict == .discarded(queueID: discarded.id))
        #expect(fixture.announced.all == [result.id])
        #expect(fixture.store.paths.count == 2)
    }

    @Test func writeErrorsLeaveNothing() async throws {
        let fixture = CleanupFixture()
        for operation in ["write", "synchronize", "change mode of"] {
            fixture.store.setFault { name, _ in name == operation ? 28 : nil }
            let result = try await fixture.send()
            #expect(result.verdict == .refused(.writeFailure))
            fixture.store.setFault(nil)
            #expect(fixture.store.paths.isEmpty)
        }
        #expect(fixture.announced.all.isEmpty)
        #expect(CleanupProblem.writeFailure.reply.description == "451 4.3.0 Error: queue file write error")
    }

    @Test func largeMessagesStream() async throws {
        let fixture = CleanupFixture()
        let line = String(repeating: "y", count: 99) + "\n"
        let text = "Subject: x\n\n" + String(repeating: line, count: 5000)
        let whole = try await fixture.send(text, chunk: 64 << 10)
        let pieces = try await fixture.send(text, chunk: 777)
        #expect(whole.only("NL").count == 5000 + 7)
        #expect(whole.records.dropFirst() == pieces.records.dropFirst())
    }
}
