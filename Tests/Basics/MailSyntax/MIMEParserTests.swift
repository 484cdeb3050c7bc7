import MailSyntax
import Testing

/// The structure of messages, as Debian's Postfix sees it.
@Suite struct MIMEParserTests {
    /// `P header`, `M header`, `N header`, `b body`, `! problem`.
    private func events(_ text: String, _ limits: MIMEParser.Limits = .init(), converts: Bool = false) -> [String] {
        var parser = MIMEParser(limits: limits, converts: converts)
        var found: [String] = []
        func note(_ event: MIMEParser.Event) {
            switch event {
            case .header(let section, let bytes, _):
                let mark = section == .primary ? "P" : section == .multipart ? "M" : "N"
                found.append("\(mark) \(String(decoding: bytes, as: UTF8.self))")
            case .headersEnd: found.append("-")
            case .body(let bytes, let endsLine, _):
                found.append("\(endsLine ? "b" : "c") \(String(decoding: bytes, as: UTF8.self))")
            case .problem(let problem, _): found.append("! \(problem)")
            }
        }
        var lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) }
        if lines.last == [] { lines.removeLast() }
        for line in lines { parser.take(line[...], endsLine: true, note) }
        parser.finish(note)
        return found
    }

    @Test func parts() {
        let text = """
            Content-Type: Multipart/Mixed; boundary="b c"

            --b c
            X: 1

            one
            --b c
            Content-Type: message/rfc822

            Y: 2
            no header
            --b c--
            end

            """
        #expect(
            events(text) == [
                "P Content-Type: Multipart/Mixed; boundary=\"b c\"", "-", "b ", "b --b c", "M X: 1", "b ", "b one",
                "b --b c", "M Content-Type: message/rfc822", "b ", "N Y: 2", "b no header", "b --b c--", "b end",
            ])
    }

    @Test func aMissingEmptyLineIsAddedBehindThePrimaryHeadersOnly() {
        #expect(events("A : 1\n x\ntext\n") == ["P A: 1\n x", "-", "b ", "b text"])
        #expect(events("A: 1\n") == ["P A: 1", "-"])
    }

    @Test func innerPartsEndWithTheirContainer() {
        let text = """
            Content-Type: multipart/mixed; boundary=a

            --a
            Content-Type: multipart/digest; boundary=b

            --b

            Z: of a message
            --a
            M: 1

            """
        #expect(events(text).contains("N Z: of a message"))
        #expect(events(text).contains("M M: 1"))
    }

    @Test(arguments: [
        ("A: \u{E9}\n", "! eightBitHeader"), ("A: 1\n\n\u{E9}\n", "! eightBitBody"),
        ("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n", "! encodingDomain"),
        ("A: 0123456789\n 0123456789\n 0123456789\n\n", "! longHeader"),
        (
            (0..<4).map { "Content-Type: multipart/x; boundary=b\($0)\n\n--b\($0)\n" }.joined(), "! nesting"
        ),
    ])
    func problems(text: String, problem: String) {
        let found = events(text, .init(header: 20, nesting: 1, boundary: 10))
        #expect(found.filter { $0.hasPrefix("!") } == [problem])
    }

    @Test func eightBitTextWithALabelIsFine() {
        #expect(!events("Content-Transfer-Encoding: 8bit\n\n\u{E9}\n").contains { $0.hasPrefix("!") })
    }

    /// A message/global that must become 7-bit is encoded as a whole (RFC 6532 §3.5).
    @Test func conversion() {
        let text = """
            Content-Type: multipart/mixed; boundary=b
            Content-Transfer-Encoding: 8bit

            --b
            Content-Type: message/global
            Content-Transfer-Encoding: 8bit

            A: \u{E9}
            --b--

            """
        #expect(
            events(text, converts: true).suffix(5) == [
                "M Content-Type: message/global", "M Content-Transfer-Encoding: quoted-printable", "b ", "b A: =C3=A9",
                "b --b--",
            ])
        #expect(events(text, converts: true).contains("P Content-Transfer-Encoding: 7bit"))
        #expect(events(text).contains("N A: \u{E9}"))
    }
}
