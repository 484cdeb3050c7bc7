import Cleanup
import MailSyntax
import MailSystem
import Testing

/// header_checks and its relatives: what Debian's cleanup logs, and what it makes of the message.
@Suite struct ContentCheckTests {
    private static let origin =
        "from unknown[127.0.0.1]; from=<a@remote.example> to=<foo@home.example> proto=ESMTP helo=<client.example>"

    /// `inline:` tables find whole headers; the header is the key.
    private func send(
        _ text: String, _ settings: [String: String], chunk: Int = .max
    ) async throws -> (CleanupFixture.Outcome, log: [String], CleanupFixture) {
        let fixture = CleanupFixture(settings)
        let outcome = try await fixture.send(text, chunk: chunk)
        let log = fixture.sink.records.map { LogLine.message($0) }.map {
            String(decoding: $0, as: UTF8.self).split(separator: outcome.id, omittingEmptySubsequences: false)
                .joined(separator: "QID")
        }
        return (outcome, log.filter { !$0.contains("message-id=") }, fixture)
    }

    @Test(arguments: [
        ("BCC bcc@example.com", "bcc: header X-A:1 ORIGIN: bcc@example.com", ["X-A:1", "", "b"]),
        ("DUNNO", "", ["X-A:1", "", "b"]),
        // The filter is a record of the type that continued text has.
        ("FILTER smtp:1.2.3.4", "filter: header X-A:1 ORIGIN: smtp:1.2.3.4", ["X-A:1", "", "b", "smtp:1.2.3.4"]),
        ("IGNORE xx", "", ["", "b"]),
        ("INFO some info", "info: header X-A:1 ORIGIN: some info", ["X-A:1", "", "b"]),
        ("PASS", "pass: header X-A:1 ORIGIN", ["X-A:1", "", "b"]),
        ("PREPEND X-Pre: yes", "prepend: header X-A:1 ORIGIN: X-Pre: yes", ["X-Pre: yes", "X-A:1", "", "b"]),
        ("REDIRECT r@example.com", "redirect: header X-A:1 ORIGIN: r@example.com", ["X-A:1", "", "b"]),
        ("REPLACE X-Rep: yes", "replace: header X-A:1 ORIGIN: X-Rep: yes", ["X-Rep: yes", "", "b"]),
        ("STRIP gone", "strip: header X-A:1 ORIGIN: gone", ["", "b"]),
        ("warn now", "warning: header X-A:1 ORIGIN: now", ["X-A:1", "", "b"]),
    ])
    func actionsOnAHeader(action: String, logged: String, content: [String]) async throws {
        for chunk in [Int.max, 1] {
            let (outcome, log, _) = try await send(
                "X-A:1\n\nb\n", ["header_checks": "inline:{ {X-A:1 = \(action)} }"], chunk: chunk)
            #expect(outcome.content == content)
            #expect(log == (logged.isEmpty ? [] : ["QID: " + logged.replacing("ORIGIN", with: Self.origin)]))
        }
    }

    @Test(arguments: [
        ("FILTER smtp", "warning: bad FILTER command smtp in header_checks -- need transport:destination"),
        ("REDIRECT foo", "warning: bad REDIRECT target \"foo\" in header_checks map -- need user@domain"),
        ("FOOBAR yes", "warning: unknown command in header_checks map: FOOBAR yes"),
        ("REPLACE", "warning: REPLACE action without text in header_checks map"),
        ("PREPEND", "warning: PREPEND action without text in header_checks map"),
        (
            "PREPEND blah",
            "warning: bad PREPEND header text \"blah\" in header_checks map -- need \"headername: headervalue\""
        ),
    ])
    func entriesWithoutSense(action: String, warning: String) async throws {
        let (outcome, log, _) = try await send(
            "X-A:1\n\nb\n", ["header_checks": "inline:{ {X-A:1 = \(action)} }"])
        #expect(outcome.content == ["X-A:1", "", "b"])
        #expect(log == [warning])
    }

    @Test(arguments: [
        ("REJECT", "5.7.1 message content rejected", "550 5.7.1 message content rejected"),
        ("REJECT 4.3.2 not today", "4.3.2 not today", "451 4.3.2 not today"),
    ])
    func refusals(action: String, logged: String, reply: String) async throws {
        for table in ["header_checks", "body_checks"] {
            let (outcome, log, fixture) = try await send(
                "X-A:1\n\nX-A:1\n", [table: "inline:{ {X-A:1 = \(action)} }"])
            guard case .refused(let problem) = outcome.verdict else {
                Issue.record("accepted")
                return
            }
            #expect(problem.reply.description == reply)
            let kind = table == "body_checks" ? "body" : "header"
            #expect(log == ["QID: reject: \(kind) X-A:1 \(Self.origin): \(logged)"])
            #expect(fixture.announced.all.isEmpty)
        }
    }

    @Test func decidesAboutTheWholeMessage() async throws {
        let (held, _, fixture) = try await send("X-A:1\n\n", ["header_checks": "inline:{ {X-A:1 = HOLD now} }"])
        #expect(fixture.dump(held.id, queue: "hold").count > 5)
        #expect(fixture.announced.all.isEmpty)
        let (discarded, _, _) = try await send("X-A:1\n\n", ["header_checks": "inline:{ {X-A:1 = DISCARD} }"])
        #expect(discarded.verdict == .discarded(queueID: discarded.id))
        let (filtered, _, _) = try await send("X-A:1\n\n", ["header_checks": "inline:{ {X-A:1 = FILTER smtp:x} }"])
        #expect(filtered.only("L").contains("L smtp:x"))
        let (copied, _, _) = try await send("X-A:1\n\n", ["body_checks": "inline:{ {zz = BCC c@d.example} }"])
        #expect(!copied.only("R").contains("R c@d.example"))
        let (bcc, _, _) = try await send("X-A:1\n\nzz\n", ["body_checks": "inline:{ {zz = BCC c@d.example} }"])
        #expect(bcc.only("R").contains("R c@d.example"))
    }

    /// PASS, REDIRECT and the like end all checks of the message.
    @Test func nothingIsCheckedBehindPass() async throws {
        let (_, log, _) = try await send(
            "X-A:1\nX-B:1\n\nzz\n",
            ["header_checks": "inline:{ {X-A:1 = PASS} {X-B:1 = REJECT} }", "body_checks": "inline:{ {zz = REJECT} }"])
        #expect(log == ["QID: pass: header X-A:1 \(Self.origin)"])
    }

    @Test(arguments: [Int.max, 1, 7])
    func partsHaveTheirOwnTables(chunk: Int) async throws {
        let text = """
            Content-Type: multipart/mixed; boundary=b

            --b
            X-A:part

            X-A:body
            --b
            Content-Type: message/rfc822

            X-A:nested

            X-A:body
            --b--

            """
        let settings = [
            "header_checks": "inline:{ {X-A:body = REPLACE X-A:wrong} }",
            "mime_header_checks": "inline:{ {X-A:part = REPLACE X-A:P} }",
            "nested_header_checks": "inline:{ {X-A:nested = REPLACE X-A:N} }",
            "body_checks": "inline:{ {X-A:body = REPLACE B} }",
        ]
        let (outcome, _, _) = try await send(text, settings, chunk: chunk)
        #expect(
            outcome.content == [
                "Content-Type: multipart/mixed; boundary=b", "", "--b", "X-A:P", "", "B", "--b",
                "Content-Type: message/rfc822", "", "X-A:N", "", "B", "--b--",
            ])
    }

    @Test func longLinesAndBodiesAreCheckedInPieces() async throws {
        let (outcome, _, _) = try await send(
            "Subject: x\n\n" + String(repeating: "y", count: 5000) + "\nzz\nzz\n",
            ["body_checks": "inline:{ {zz = IGNORE} }", "body_checks_size_limit": "5003"])
        let content = outcome.only("NL")
        #expect(content.filter { $0.hasPrefix("L y") }.count == 2)
        // The second is behind the limit.
        #expect(content.filter { $0 == "N zz" }.count == 1)
    }

    @Test(arguments: [
        (
            "strict_7bit_headers", "Subject: h\u{E9}llo\n\nx\n",
            "improper use of 8-bit data in message header: Subject: h\u{E9}llo",
            "550 5.6.0 improper use of 8-bit data in message header"
        ),
        (
            "strict_8bitmime_body", "Subject: x\n\nb\u{E9}dy\n",
            "improper use of 8-bit data in message body: b\u{E9}dy",
            "550 5.6.0 improper use of 8-bit data in message body"
        ),
        (
            "strict_mime_encoding_domain",
            "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nx\n--b--\n",
            "invalid message/* or multipart/* encoding domain: base64",
            "550 5.6.0 invalid message/* or multipart/* encoding domain"
        ),
    ])
    func strictMIME(parameter: String, text: String, logged: String, reply: String) async throws {
        let (outcome, log, _) = try await send(text, [parameter: "yes"])
        guard case .refused(let problem) = outcome.verdict else {
            Issue.record("accepted")
            return
        }
        #expect(problem.reply.description == reply)
        #expect(
            log == [
                "QID: reject: mime-error \(logged) from unknown[127.0.0.1]; from=<a@remote.example> to=<foo@home.example>"
            ])
        let (accepted, _, _) = try await send(text, [:])
        #expect(accepted.verdict != outcome.verdict)
    }

    @Test func aTableThatCannotAnswerDefers() async throws {
        let (outcome, log, _) = try await send("X-A:1\n\nb\n", ["header_checks": "fail:x"])
        #expect(outcome.verdict == .refused(.writeFailure))
        #expect(log.last == "warning: QID: header_checks map lookup problem -- message not accepted, try again later")
    }

    @Test func ownMailIsNotChecked() async throws {
        let fixture = CleanupFixture(["header_checks": "inline:{ {X-A:1 = REJECT} }"])
        let outcome = try await fixture.send("X-A:1\n\n", envelope: fixture.envelope(.generated))
        #expect(outcome.content.contains("X-A:1"))
    }
}
