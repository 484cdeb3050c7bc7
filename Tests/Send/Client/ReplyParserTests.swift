import Testing

@testable import Send

@Suite struct ReplyParserTests {
    private func parse(_ text: String) -> [ServerReply] {
        var parser = ReplyParser()
        return parser.consume(text.utf8)
    }

    @Test(arguments: [
        ("250 ok\r\n", 250, "2.0.0", "250 ok"),
        ("550 5.1.1 no such user\r\n", 550, "5.1.1", "550 5.1.1 no such user"),
        ("550-5.7.26 one\r\n550 5.7.26 two\r\n", 550, "5.7.26", "550-5.7.26 one 550 5.7.26 two"),
        ("550 4.1.1 mismatch\r\n", 550, "5.0.0", "550 4.1.1 mismatch"),
        ("354\n", 354, "3.0.0", "354"),
        ("450 bell\u{7}\r\n", 450, "4.0.0", "450 bell?"),
        ("garbage\r\n999 no\r\n220 hi\r\n", 220, "2.0.0", "220 hi"),
    ])
    func oneReply(wire: String, code: Int, status: String, text: String) throws {
        let reply = try #require(parse(wire).first)
        #expect(reply.code == code && reply.status == status && reply.text == text)
    }

    @Test func bytesMayComeOneAtATime() {
        var parser = ReplyParser()
        var replies: [ServerReply] = []
        for byte in "250-a\r\n250 b\r\n221 c\r\n".utf8 { replies += parser.consume([byte]) }
        #expect(replies.map(\.code) == [250, 221])
        #expect(replies[0].lines == ["a", "b"])
    }

    @Test func longLinesAreCutAndTold() {
        var parser = ReplyParser(maximumLine: 16)
        let replies = parser.consume("250 12345678901\r\n250 1234567890123456\r\n".utf8)
        #expect(replies.map(\.text) == ["250 12345678901", "250 123456789012"])
        #expect(parser.takeNotices() == ["response longer than 16: 250 123456789012..."])
        #expect(parser.takeNotices().isEmpty)
    }

    @Test(arguments: [
        ("250 ", String(repeating: "x", count: 1000), "endless response: 250 xxxxxxxxxxxxxxxxxxxxxxxxxx..."),
        ("", "250-line\r\n", "endless response: "),
    ])
    func nothingIsReadForEver(start: String, part: String, notice: String) {
        var parser = ReplyParser()
        _ = parser.consume(start.utf8)
        for _ in 0..<ReplyParser.endlessReply / part.utf8.count + 1 { #expect(parser.consume(part.utf8).isEmpty) }
        #expect(parser.isEndless)
        #expect(parser.consume("\r\n250 ok\r\n".utf8).isEmpty)
        #expect(parser.takeNotices().last?.hasPrefix(notice) == true)
    }

    @Test func manyRepliesAreNoEndlessOne() {
        var parser = ReplyParser()
        let replies = Array(repeating: Array("250 ok\r\n".utf8), count: 1000).flatMap { $0 }
        for _ in 0..<200 { #expect(parser.consume(replies).count == 1000) }
        #expect(!parser.isEndless)
    }

    @Test func anEndlessReplyStaysBounded() {
        var parser = ReplyParser()
        let line = "250-" + String(repeating: "x", count: 5000) + "\r\n"
        for _ in 0..<200 { #expect(parser.consume(line.utf8).isEmpty) }
        let reply = parser.consume("250 end\r\n".utf8)
        #expect(reply.count == 1 && reply[0].text.utf8.count < 25_000)
    }
}
