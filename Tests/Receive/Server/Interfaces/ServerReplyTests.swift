import Receive
import Testing

@Suite struct ServerReplyTests {
    @Test func aQuotedLineEndEndsNoReply() {
        #expect(
            ServerReply(555, "5.5.4", "Unsupported option: in<\rP\nQ").wire
                == "555 5.5.4 Unsupported option: in< P Q\r\n")
    }

    @Test(arguments: [
        ("550 5.7.1 no", "550 5.7.1 no\r\n"), ("450 later", "450 later\r\n"), ("550 5.7 x", "550 5.7 x\r\n"),
        ("554 5.7.1", "554 5.7.1 \r\n"),
    ])
    func repliesOfTablesKeepTheirStatus(text: String, wire: String) throws {
        #expect(try #require(ServerReply(parsing: text)).wire == wire)
    }

    @Test(arguments: ["", "55", "abc", "999 x", "OK"])
    func otherTextIsNoReply(text: String) {
        #expect(ServerReply(parsing: text) == nil)
    }

    @Test func softBounceTurnsFirstDigits() {
        #expect(ServerReply(550, "5.1.1", "x").softened == ServerReply(450, "4.1.1", "x"))
        #expect(ServerReply(250, "2.0.0", "x").softened == ServerReply(250, "2.0.0", "x"))
    }

    @Test func linesOfOneReplyAreJoinedByHyphens() {
        #expect(ServerReply(250, lines: ["host", "SIZE 1", "DSN"]).wire == "250-host\r\n250-SIZE 1\r\n250 DSN\r\n")
    }
}
