import Cleanup
import MailSyntax
import MailSystem
import Spool
import Testing

/// Text lines and attributes as Debian's cleanup writes them for the same content.
@Suite struct ContentTests {
    private func content(
        _ text: String, _ settings: [String: String] = [:], chunk: Int = .max, sender: String = "a@remote.example"
    ) async throws -> [String] {
        let fixture = CleanupFixture(settings)
        return try await fixture.send(text, envelope: fixture.envelope(sender: sender), chunk: chunk).content
    }

    @Test(arguments: [
        ("hello\nworld\n", ["", "hello", "world"]), ("\n", [""]), ("", []), ("\nhello\n", ["", "hello"]),
        (" hello: x\nTo: y\n\nbody\n", ["", " hello: x", "To: y", "", "body"]),
        ("From foo Mon\nSubject: x\n\nbody\n", ["X-Mailbox-Line: From foo Mon", "Subject: x", "", "body"]),
        (
            "From a\n>>From b\n From c\nX: y\n\n",
            ["X-Mailbox-Line: From a", "X-Mailbox-Line: >>From b", "", " From c", "X: y", ""]
        ),
        ("Subject: x\nnot a header\nTo: y\n\nbody\n", ["Subject: x", "", "not a header", "To: y", "", "body"]),
        ("Subject: x\n: y\n", ["Subject: x", "", ": y"]), ("Subject: x\na\u{1}: y\n", ["Subject: x", "", "a\u{1}: y"]),
        ("Subject: x\nTo: foo", ["Subject: x", "To: foo@home.example"]), ("Subject : x\n\n", ["Subject: x", ""]),
        ("Subject: x\n  y\n\tz\n \n\nbody\n", ["Subject: x", "  y", "\tz", " ", "", "body"]),
        ("Subject: a\u{0}b\n\nx\u{0}y\n", ["Subject: a", "", "x\u{0}y"]),
        ("Subject: a\rb\n\nx\ry\n", ["Subject: a b", "", "x y"]),
        ("X-FOO: a\n b\nBcc: q\nReturn-Path: <x>\nContent-Length: 3\n\n", ["X-FOO: a", " b", ""]),
        (
            "Sender: foo\nX-To: foo\nMail-Followup-To: foo\nList-Post: foo\n\n",
            ["Sender: foo@home.example", "X-To: foo", "Mail-Followup-To: foo@home.example", "List-Post: foo", ""]
        ),
    ])
    func headersAndBody(text: String, lines: [String]) async throws {
        #expect(try await content(text) == lines)
        #expect(try await content(text, chunk: 1) == lines)
    }

    @Test(arguments: [
        ("(Foo) a@b", "(Foo) a@b"), ("<foo", "\"<foo\"@home.example"), ("foo <bar", "\"foo <bar\"@home.example"),
        ("<>", "<>"),
        ("a!b", "b@a"), ("a%b", "a@b"), ("\"foo bar\"", "\"foo bar\"@home.example"), ("foo.", "\"foo.\"@home.example"),
        ("@foo", "\"\"@foo"), ("@", "\"\""), ("foo@bar@baz, x", "\"foo@bar\"@baz, x@home.example"),
        ("a:b:c", "\"a:b:c\"@home.example"),
        ("\"a\".\"b\"@home.example", "a.b@home.example"), ("<\"foo bar\"@x, y>", "<\"foo bar\"@x, y>"),
        ("a@\"b c\"", "a@b c"),
        ("<@x,@y:foo>", "<foo@home.example>"), ("@a,@b:c@d", "\"\"@a, c@d"), ("a@b.", "a@b"),
        ("<a:b>", "<\"a:b\"@home.example>"),
        ("a << b", "\"a < <b\"@home.example"), ("<<a>>", "< <\"a>\"@home.example>"), ("\\", "\\"),
        ("a@b,c@d", "a@b,c@d"),
    ])
    func addressHeaders(text: String, expected: String) async throws {
        #expect(try await content("Cc:  \(text)\n\n").first == (text == expected ? "Cc:  \(text)" : "Cc: \(expected)"))
    }

    @Test func foldsRewrittenHeaders() async throws {
        let names = [
            "aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccccccccccc",
            "dddddddddddd", "eeeeeeeeeeeeeeeee",
        ]
        #expect(
            try await content("Cc: \(names.joined(separator: ", "))\n\n") == [
                "Cc: aaaaaaaaaaaaaaaaaaaaaaaa@home.example,", "\tbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@home.example,",
                "\tcccccccccccccccccccccccccccc@home.example, dddddddddddd@home.example,",
                "\teeeeeeeeeeeeeeeee@home.example", "",
            ])
        #expect(
            try await content("To: a, b, c, d, e\n\n", ["header_address_token_limit": "5"]).first
                == "To: a@home.example, b@home.example, c@home.example")
    }

    @Test func longLinesAndHeaders() async throws {
        func y(_ count: Int, _ letter: String = "y") -> String { String(repeating: letter, count: count) }
        let fixture = CleanupFixture()
        let text = "X: \(y(2045))\nY: \(y(4093, "b"))\n\n\(y(5000))\n\(y(2048))\n\(y(2049))\n\(y(4096))\n"
        let expected = [
            "N X: \(y(2045))", "L Y: \(y(2045, "b"))", "N \(y(2048, "b"))", "N ", "L \(y(2048))", "L \(y(2048))",
            "N \(y(904))", "L \(y(2048))", "N ", "L \(y(2048))", "N y", "L \(y(2048))", "L \(y(2048))", "N ",
        ]
        for chunk in [Int.max, 1000] {
            let generated = ["N Received", "N \tid ", "N Message-Id", "N Date", "N From"]
            let result = try await fixture.send(text, chunk: chunk).only("NL").filter { line in
                !generated.contains { line.hasPrefix($0) }
            }
            #expect(result == expected)
        }
        let long = try await content("\(y(300_000))\nz\n", chunk: 1500)
        #expect(long.joined().utf8.count == 300_001)
        #expect(long.first == "" && long.last == "z")
    }

    @Test func headerSizeLimit() async throws {
        func y(_ count: Int, _ letter: String) -> String { String(repeating: letter, count: count) }
        let lines = try await content(
            "Subject: \(y(300, "x"))\n \(y(300, "y"))\n\t\(y(600, "z"))\n w\nTo: q\n\n", ["header_size_limit": "1000"])
        #expect(lines == ["Subject: \(y(300, "x"))", " \(y(300, "y"))", "\t\(y(387, "z"))", "To: q@home.example", ""])
    }

    /// As seen of Debian's cleanup: the rest of a cut line stays when it is more than a tenth of the limit.
    @Test(arguments: [(1799, 200), (1800, nil), (1995, nil), (1719, 280)] as [(Int, Int?)])
    func aShortRestOfACutLineIsDropped(first: Int, rest: Int?) async throws {
        func y(_ count: Int, _ letter: String) -> String { String(repeating: letter, count: count) }
        let lines = try await content(
            "X: \(y(first - 3, "x"))\n\t\(y(600, "y"))\nTo: q\n\n", ["header_size_limit": "2000"])
        let wanted = ["X: \(y(first - 3, "x"))"] + (rest.map { ["\t\(y($0 - 1, "y"))"] } ?? [])
        #expect(Array(lines.prefix(wanted.count + 1)) == wanted + ["To: q@home.example"])
    }

    @Test(arguments: [
        ("", ["Message-Id", "Date", "From: a@remote.example"]),
        ("Resent-To: x\n", ["Resent-Message-Id", "Resent-Date", "Resent-From: a@remote.example"]),
        ("Resent-From: x\nMessage-ID: <a@b>\n", ["Resent-Message-Id", "Resent-Date"]),
        ("From:\nDate:\nMessage-Id:\n", []), ("Cc: x\n", ["Message-Id", "Date", "From: a@remote.example"]),
    ])
    func missingHeaders(text: String, added: [String]) async throws {
        let fixture = CleanupFixture()
        let records = try await fixture.send("X: 1\n\(text)X: 2\n\n").only("N")
        let start = try #require(records.firstIndex(of: "N X: 2"))
        let names = records[(start + 1)...].dropLast()
        #expect(names.count == added.count)
        for (line, name) in zip(names, added) { #expect(line.hasPrefix("N \(name)")) }
    }

    @Test func remoteClientsHeaders() async throws {
        func send(_ settings: [String: String]) async throws -> [String] {
            let fixture = CleanupFixture(settings)
            var envelope = fixture.envelope()
            envelope.rewriteContext = .remote
            return try await fixture.send("To: foo\n\n", envelope: envelope).only("N").dropFirst(2).map {
                String($0.dropFirst(2).prefix(16))
            }
        }
        #expect(try await send([:]) == ["To: foo", ""])
        #expect(
            try await send(["remote_header_rewrite_domain": "rem.example"]) == [
                "To: foo@rem.exam", "Message-Id: <202", "Date: Sun, 22 No", "From: a@remote.e", "",
            ])
        #expect(
            try await send(["always_add_missing_headers": "yes", "undisclosed_recipients_header": "To: x:;"]).count == 5
        )
        let fixture = CleanupFixture(["undisclosed_recipients_header": "To: x:;", "enable_long_queue_ids": "yes"])
        var envelope = fixture.envelope(sender: "")
        envelope.fullName = "J. Doe"
        let lines = try await fixture.send("\n", envelope: envelope).only("N")
        #expect(lines.suffix(3) == ["N From: MAILER-DAEMON", "N To: x:;", "N "])
        #expect(lines.contains("N Message-Id: <QID@mail.home.example>"))
    }

    @Test(arguments: [
        ("J. Doe", "\"J. Doe\" <a@remote.example>"), ("a-b c", "a-b c <a@remote.example>"),
        ("José", "José <a@remote.example>"), ("", "a@remote.example"),
        ("x\\y", "\"x\\\\y\" <a@remote.example>"), ("a/b=c!", "\"a/b=c!\" <a@remote.example>"),
        ("Joe, \"X\" (y)", "\"Joe, \\\"X\\\" (y)\" <a@remote.example>"),
    ])
    func fullNames(name: String, from: String) async throws {
        let fixture = CleanupFixture()
        var envelope = fixture.envelope(.local)
        envelope.fullName = name
        #expect(try await fixture.send("\nx\n", envelope: envelope).records.contains("N From: \(from)"))
    }

    @Test(arguments: [
        ("", "", []), ("Content-Transfer-Encoding: 8bit\n", "", ["A encoding=8bit"]), ("", "8bit", ["A encoding=8bit"]),
        ("Content-Transfer-Encoding: quoted-printable\n", "7bit", ["A encoding=7bit"]),
        ("Content-Transfer-Encoding: 8bit\n", "7bit", ["A encoding=8bit"]),
    ])
    func encodings(header: String, given: String, attributes: [String]) async throws {
        let fixture = CleanupFixture()
        var envelope = fixture.envelope()
        envelope.encoding = given
        let records = try await fixture.send("\(header)\n", envelope: envelope).records
        let start = try #require(records.firstIndex(of: "X "))
        #expect(records[start...].filter { $0.hasPrefix("A encoding") } == attributes)
    }

    @Test func messageIDsAreLogged() async throws {
        let fixture = CleanupFixture()
        let result = try await fixture.send("Message-ID:\n <a@b>\nMessage-Id: <c@d>  (x)\nResent-To: r\n\n")
        #expect(
            fixture.sink.texts == [
                "\(result.id): message-id=<a@b>", "\(result.id): message-id=<c@d>  (x)",
                "\(result.id): resent-message-id=<20261122194034.\(result.id)@mail.home.example>",
            ])
        #expect(result.records.contains("A message_id=<c@d>  (x)"))
    }

    @Test(arguments: [(1, true), (2, false), (4, false)])
    func hopCount(received: Int, accepted: Bool) async throws {
        let fixture = CleanupFixture(["hopcount_limit": "3"])
        let result = try await fixture.send(String(repeating: "Received: x\n", count: received) + "\n")
        #expect((result.verdict == .refused(.tooManyHops)) == !accepted)
        if !accepted {
            #expect(fixture.sink.texts.contains("warning: \(result.id): message rejected: hopcount exceeded"))
        }
    }

    @Test func messageSizeLimit() async throws {
        let fixture = CleanupFixture(["message_size_limit": "2000"])
        let result = try await fixture.send("\n" + String(repeating: "yyyyyyyyyyyyy\n", count: 300))
        #expect(result.verdict == .refused(.tooLarge))
        #expect(fixture.store.paths.isEmpty)
        #expect(CleanupProblem.tooLarge.reply.wireText == "552 5.3.4 Error: message file too big\r\n")
    }
}
