import Testing

/// The `encoding` attribute as Debian's cleanup finds it in the parts of a message.
@Suite struct PartEncodingTests {
    private static let eightBit = "Content-Transfer-Encoding: 8bit\n"

    @Test(arguments: [
        ("multipart/mixed; boundary=b", "--b\n\(eightBit)\n\n--b--\n", true),
        ("multipart/mixed;\n\tBoundary=\"b c\"", "--b c\nX: y\n\(eightBit)\n\n--b c--\n", true),
        ("multipart/mixed; boundary=b", "--b\n\n\(eightBit)\n--b--\n", false),
        ("multipart/mixed; boundary=b", "--c\n\(eightBit)\n--c--\n", false),
        ("multipart/mixed; boundary=b", "--b--\n\(eightBit)\n", false),
        ("text/plain; boundary=b", "--b\n\(eightBit)\n", false),
        (
            "multipart/mixed; boundary=a",
            "--a\nContent-Type: multipart/alternative;\n boundary=\"i\"\n\n--i\n\(eightBit)\n--i--\n--a--\n", true
        ),
        ("multipart/mixed; boundary=a", "--a\nContent-Type: message/rfc822\n\nSubject: x\n\(eightBit)\n--a--\n", true),
        (
            "multipart/mixed; boundary=a", "--a\nContent-Type: message/rfc822\n\nSubject: x\n\n\(eightBit)\n--a--\n",
            false
        ),
        ("message/rfc822", "Subject: x\n\(eightBit)\n", true), ("multipart/mixed", "--\n\(eightBit)\n", false),
    ])
    func findsEightBitParts(type: String, body: String, found: Bool) async throws {
        for chunk in [Int.max, 5] {
            let records = try await CleanupFixture().send("Content-Type: \(type)\n\n\(body)", chunk: chunk).records
            #expect(records.contains("A encoding=8bit") == found)
        }
    }
}
