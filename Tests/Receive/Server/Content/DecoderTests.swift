import NIOCore
import Testing

@testable import Receive

@Suite("Message content")
struct DecoderTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        var wire: String
        var strict: Bool
        /// Nil: the end was not found.
        var text: String
        var rest = ""
        var testDescription: String { wire.debugDescription }
    }

    // What Debian's Postfix stored, with smtpd_forbid_bare_newline = no and normalize.
    static let samples = [
        Sample(wire: "a\r\nb\r\n.\r\nQ", strict: true, text: "a\nb\n", rest: "Q"),
        Sample(wire: "..a\r\n.c\r\n.\r\n", strict: true, text: ".a\nc\n"),
        Sample(wire: "a\n.\nb\r\n.\r\n", strict: true, text: "a\nb\n"),
        Sample(wire: "a\r\n.\nb\r\n.\r\n", strict: true, text: "a\nb\n"),
        Sample(wire: "a\n.\r\nb\r\n.\r\n", strict: true, text: "a\nb\n"),
        Sample(wire: "a\r\r\nb\r\n.\r\n", strict: true, text: "a\r\nb\n"),
        Sample(wire: "a\n.\nb\r\n.\r\n", strict: false, text: "a\n", rest: "b\r\n.\r\n"),
        Sample(wire: "a\r\n.\r\r\nb\r\n.\r\n", strict: false, text: "a\n", rest: "b\r\n.\r\n"),
        Sample(wire: "a\r\r\nb\r\n.\r\n", strict: false, text: "a\nb\n"),
        Sample(wire: ".\r\n", strict: true, text: ""),
        Sample(wire: "a\rb\r\n.\r\n", strict: true, text: "a\rb\n"),
    ]

    @Test("DATA is decoded alike however it is cut into reads", arguments: samples, [1, 2, 3, 100])
    func data(_ sample: Sample, _ step: Int) {
        var decoder = DataDecoder(isStrict: sample.strict)
        var input = ByteBuffer()
        var output = ByteBuffer()
        var result = DataDecoder.Result()
        var source = ByteBuffer(string: sample.wire)
        while !result.isComplete, let part = source.readSlice(length: min(step, source.readableBytes)) {
            if part.readableBytes == 0 { break }
            input.writeImmutableBuffer(part)
            result = decoder.decode(&input, into: &output)
        }
        #expect(result.isComplete)
        #expect(String(buffer: output) == sample.text)
        #expect(String(buffer: input) + String(buffer: source) == sample.rest)
    }

    @Test("a line longer than any buffer passes through whole")
    func longLine() {
        var decoder = DataDecoder(isStrict: true)
        var input = ByteBuffer(string: "." + String(repeating: "x", count: 9000))
        var output = ByteBuffer()
        #expect(!decoder.decode(&input, into: &output).isComplete)
        #expect(input.readableBytes < 16)
        input.writeString(".y\r\n.\r\n")
        #expect(decoder.decode(&input, into: &output).isComplete)
        #expect(String(buffer: output) == String(repeating: "x", count: 9000) + ".y\n")
    }

    @Test("BDAT chunks join lines that they cut", arguments: [1, 2, 3, 5, 100])
    func chunks(_ step: Int) {
        var decoder = ChunkDecoder()
        var output = ByteBuffer()
        var size = 0
        var source = ByteBuffer(string: "a\r\n.\r\n\r\nb\rc\r\nlast")
        while source.readableBytes > 0 { size += decoder.decode(&source, limit: step, into: &output).wireBytes }
        size += decoder.finish(into: &output)
        #expect(String(buffer: output) == "a\n.\n\nb\rc\nlast\n")
        #expect(size == 3 + 3 + 2 + 5 + 6)
    }
}
