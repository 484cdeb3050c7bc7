import Testing

@testable import Operate

@Suite struct MessageKeysTests {
    static let message = """
        Subject: outer
         folded
        Content-Type : multipart/mixed; boundary="b b"

        prolog
        --b b
        Content-Type: message/rfc822

        Subject: inner

        text
        --b b--
        epilog
        """

    private func keys(header: Bool, mime: Bool) -> [String] {
        var keys = MessageKeys(header: header, body: !header, mime: mime, warn: { _ in })
        var found: [[UInt8]] = []
        for line in Self.message.split(separator: "\n", omittingEmptySubsequences: false) {
            found += keys.feed(Array(line.utf8))
        }
        return (found + keys.finish()).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func headers() {
        let primary = ["Subject: outer\n folded", "Content-Type: multipart/mixed; boundary=\"b b\""]
        #expect(keys(header: true, mime: false) == primary)
        #expect(keys(header: true, mime: true) == primary + ["Content-Type: message/rfc822", "Subject: inner"])
    }

    @Test func bodyLines() {
        #expect(keys(header: false, mime: false).contains("Subject: inner"))
        let lines = keys(header: false, mime: true)
        #expect(lines == ["", "prolog", "--b b", "", "", "text", "--b b--", "epilog"])
    }

    @Test(arguments: [
        ("A: b\n\nx", ["", "x"]), ("A: b", []), ("", [""]), ("A: b\nno header\n\nx", ["", "no header", "", "x"]),
        ("Content-Type: message/rfc822\n\nno header\n\nx", ["", "no header", "", "x"]),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\nno header", ["", "--b", "no header"]),
    ])
    func theEndOfHeadersIsABodyLine(_ message: String, _ expected: [String]) {
        var keys = MessageKeys(header: false, body: true, mime: true, warn: { _ in })
        var found: [[UInt8]] = []
        for line in message.split(separator: "\n", omittingEmptySubsequences: false) {
            found += keys.feed(Array(line.utf8))
        }
        #expect((found + keys.finish()).map { String(decoding: $0, as: UTF8.self) } == expected)
    }
}
