import Cleanup
import MailSyntax
import Spool
import TestSupport
import Testing

@Suite struct RandomContentTests {
    /// A small generator with a seed, so that a failure can be repeated.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    private static let pieces: [[UInt8]] =
        [
            "Subject: ", "To: a, b <c>\n", "\n", "\n\n", " ", "\t", "x", "From ", ">", "Received: y\n", "Bcc: q\n",
            "Message-Id: <a@b>", "Content-Transfer-Encoding: 8bit\n", ":", "\r", "é",
            String(repeating: "z", count: 700),
        ].map { Array($0.utf8) } + [[0], [0xFF]]

    /// How content arrives in pieces must not change what is stored.
    @Test(arguments: 0..<8)
    func piecesDoNotMatter(seed: UInt64) async throws {
        var generator = Generator(state: seed)
        let fixture = CleanupFixture(["header_size_limit": "2500", "line_length_limit": "1000"])
        for _ in 0..<25 {
            let bytes = (0..<Int.random(in: 0...20, using: &generator)).flatMap { _ in
                Self.pieces.randomElement(using: &generator) ?? []
            }
            let whole = try await fixture.send(bytes: bytes)
            for chunk in [1, 3, 999] {
                let pieces = try await fixture.send(bytes: bytes, chunk: chunk)
                #expect(pieces.records == whole.records, "seed \(seed), \(bytes), pieces of \(chunk)")
            }
        }
    }
}
