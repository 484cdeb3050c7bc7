import MailSyntax
import Testing

@Suite struct SMTPCommandTests {
    @Test(arguments: [
        ("mail from:<wietse@porcupine.org>", ["mail", "from:", "<wietse@porcupine.org>"]),
        ("mail from:<wietse @ porcupine.org>", ["mail", "from:", "<wietse @ porcupine.org>"]),
        (
            "mail from:<\"wietse venema\"@porcupine.org (\"wietse ) venema\")> SIZE=1",
            ["mail", "from:", "<\"wietse venema\"@porcupine.org (\"wietse ) venema\")>", "SIZE=1"]
        ),
        ("mail from:\"wietse venema\"@porcupine.org", ["mail", "from:", "\"wietse venema\"@porcupine.org"]),
        ("mail from:wietse\\ venema@porcupine.org x", ["mail", "from:", "wietse\\ venema@porcupine.org", "x"]),
        ("rcpt to: <a@[IPv6:::1]>", ["rcpt", "to:", "<a@[IPv6:::1]>"]),
        ("", []), (" \t ", []), ("\\", ["\\"]),
    ])
    func tokens(line: String, words: [String]) {
        let tokens = SMTPTokenizer.tokens(line)
        #expect(tokens.map(\.text) == words)
        let malformed = tokens.filter { !$0.isWellFormed }
        #expect(malformed.isEmpty)
    }

    @Test(arguments: ["mail to:<wietse@[\"stuff]>", "mail from:<a", "mail from:<<a>", "mail from:\"a", "rcpt to:[a"])
    func unterminated(line: String) {
        #expect(SMTPTokenizer.tokens(line).last?.isWellFormed == false)
    }

    @Test(
        arguments: [
            ("EHLO client.example", .ehlo("client.example")), ("helo a b", .helo("a b")),
            (
                "MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME",
                .mail(SMTPToken("<a@b>"), parameters: ["SIZE=10", "BODY=8BITMIME"])
            ),
            ("mail from: a@b", .mail(SMTPToken("a@b"), parameters: [])),
            ("RCPT TO:<>", .rcpt(SMTPToken("<>"), parameters: [])),
            ("bdat 100 last", .bdat(size: 100, isLast: true)), ("BDAT 0", .bdat(size: 0, isLast: false)),
            ("QUIT now", .quit), ("auth plain =", .auth(mechanism: "PLAIN", initialResponse: "=")),
            ("foo bar", .unknown("FOO")),
        ] as [(String, SMTPCommand)])
    func commands(line: String, command: SMTPCommand) {
        #expect(SMTPCommandParser.parse(line) == .success(command))
    }

    @Test(
        arguments: [
            ("HELO", .syntax(verb: "HELO")), ("MAIL <a@b>", .syntax(verb: "MAIL")),
            ("MAIL TO:<a>", .syntax(verb: "MAIL")),
            ("RCPT TO:", .syntax(verb: "RCPT")), ("DATA now", .syntax(verb: "DATA")),
            ("BDAT -1", .syntax(verb: "BDAT")),
            ("BDAT 99999999999999999999", .syntax(verb: "BDAT")), ("BDAT 1 LST", .syntax(verb: "BDAT")), ("", .empty),
        ] as [(String, SMTPCommandError)])
    func errors(line: String, error: SMTPCommandError) {
        #expect(SMTPCommandParser.parse(line) == .failure(error))
    }

    @Test func rejectsBytesThatAreNotUTF8() {
        #expect(SMTPCommandParser.parse([0x51, 0xFF]) == .failure(.notUTF8))
    }

    @Test func replies() {
        #expect(SMTPReplyValue(250, "2.1.0", "Ok").wireText == "250 2.1.0 Ok\r\n")
        #expect(SMTPReplyValue(code: 250, lines: ["a", "b"]).wireText == "250-a\r\n250 b\r\n")
        #expect(SMTPReplyValue(code: 550, status: "5.1.1", lines: ["a", "b"]).description == "550 5.1.1 a b")
    }
}
