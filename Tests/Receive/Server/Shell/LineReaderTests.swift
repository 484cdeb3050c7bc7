import NIOCore
import Testing

@testable import Receive

@Suite("Command lines")
struct LineReaderTests {
    private func lines(_ parts: [String], limit: Int = 8) -> [LineReader.Line] {
        var reader = LineReader(limit: limit)
        var input = ByteBuffer()
        var found: [LineReader.Line] = []
        for part in parts {
            input.writeString(part)
            while let line = reader.next(&input) { found.append(line) }
        }
        return found
    }

    private func line(_ text: String, isBare: Bool = false, isCut: Bool = false) -> LineReader.Line {
        LineReader.Line(bytes: Array(text.utf8), isBare: isBare, isCut: isCut)
    }

    @Test(
        "whatever the network makes of it, the line is the same",
        arguments: [
            ("NOOP\r\n", "NOOP", false), ("NOOP\n", "NOOP", false), ("NOOP\r\r\r\r\r\r\r\r\n", "NOOP", false),
            ("12345678\r\n", "12345678", false), ("123456789\r\n", "12345678", true),
            ("1234567\r9\r\n", "1234567\r", true), ("1234567\r\r\r\n", "1234567", false), ("\r\n", "", false),
            ("12345678901234567890\n", "12345678", true), ("1\r\r\r\r\r\r\r\r\r\r2\n", "1\r\r\r\r\r\r\r", true),
        ])
    func cutAnywhere(text: String, expected: String, isCut: Bool) {
        let bare = !text.hasSuffix("\r\n")
        let whole = [line(expected, isBare: bare, isCut: isCut)]
        #expect(lines([text]) == whole)
        #expect(lines(text.unicodeScalars.map(String.init)) == whole)
        let scalars = Array(text.unicodeScalars.map(String.init))
        for cut in scalars.indices {
            #expect(lines([scalars[..<cut].joined(), scalars[cut...].joined()]) == whole)
        }
    }

    @Test("of a line without an end, no more than the limit is kept")
    func bounded() {
        var reader = LineReader(limit: 8)
        var input = ByteBuffer(string: "123456789")
        #expect(reader.next(&input) == nil)
        #expect(input.readableBytes == 0)
        input.writeString("0\r\nNOOP\r\n")
        #expect(reader.next(&input) == line("12345678", isCut: true))
        #expect(reader.next(&input) == line("NOOP"))
    }
}
