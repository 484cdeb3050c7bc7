import MailSystem
import Testing

@testable import Send

/// Messages, and what Debian's Postfix 3.7.11 made of them for a server without 8BITMIME.
@Suite struct EightBitConverterTests {
    static let names = [
        "binary", "ctefold", "digest", "emptybody", "external", "header8", "longline", "mid", "multi", "nocte",
        "plain8",
        "qp", "rfc822", "seven", "trail",
    ]

    private static func fixture(_ name: String, file: String = #filePath) throws -> [UInt8] {
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return try Files.read("\(folder)/Fixtures/\(name)", limit: 1 << 20)
    }

    /// What cleanup(8) leaves of a CR: none before LF, a blank elsewhere; the last line has an end.
    private static func cleaned(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if byte != 0x0D { result.append(byte) } else if bytes[index + 1] != 0x0A { result.append(0x20) }
        }
        return result.last == 0x0A ? result : result + [0x0A]
    }

    @Test(arguments: names, [1, 7, 100, 100_000])
    func whatPostfixMakesOfIt(name: String, pieceSize: Int) throws {
        let input = Self.cleaned(try Self.fixture("\(name).in"))
        var converter = EightBitConverter()
        var formatter = SMTPFormatter(lineLimit: 998)
        var output: [UInt8] = []
        for start in stride(from: 0, to: input.count, by: pieceSize) {
            let piece = Array(input[start..<min(start + pieceSize, input.count)])
            output += formatter.format(converter.convert(piece))
        }
        output += formatter.format(converter.finish())
        let wanted = try Self.fixture("\(name).out")
        #expect(
            String(decoding: output, as: UTF8.self).utf8.elementsEqual(String(decoding: wanted, as: UTF8.self).utf8))
    }

    @Test func nothingGrowsWithoutBound() {
        var converter = EightBitConverter(limits: .init(header: 100, nesting: 2, boundary: 10))
        let piece = [UInt8](repeating: 0x61, count: 10_000)
        var size = converter.convert(Array("X: ".utf8)).count
        for _ in 0..<10 { size += converter.convert(piece).count }
        size += converter.finish().count
        // A header that is too long is cut, as cleanup cuts it.
        #expect(size < 30_000)
    }
}
