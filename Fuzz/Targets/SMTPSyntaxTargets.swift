import MailSyntax
import NIOCore

@testable import Receive

extension FuzzTarget {
    static let smtpCommand = FuzzTarget("smtp-command") { input in
        guard case .success(let command) = SMTPCommandParser.parse(input) else { return }
        switch command {
        case .mail(let path, _), .rcpt(let path, _):
            for strict in [false, true] {
                guard let address = SMTPPath.address(path, strict: strict), !address.isEmpty else { continue }
                // What is printed in a reply or a log line is one line.
                let external = EmailAddress.quoted(address)
                require(EmailAddress.unquote(external) == address, "unquote(quote(address)) for \(address)")
            }
        case .bdat(let size, _): require(size >= 0, "a chunk's size")
        default: break
        }
    }

    /// However the network cuts the stream, the lines are the same.
    static let lineReader = FuzzTarget("smtp-lines") { input in
        guard let seed = input.first else { return }
        let limit = 64
        func lines(_ parts: [[UInt8]]) -> [LineReader.Line] {
            var reader = LineReader(limit: limit)
            var buffer = ByteBuffer()
            var result: [LineReader.Line] = []
            for part in parts {
                buffer.writeBytes(part)
                while let line = reader.next(&buffer) { result.append(line) }
                require(buffer.readableBytes <= limit + 1, "no more than a line is kept")
            }
            return result
        }
        let stream = Array(input.dropFirst())
        let whole = lines([stream])
        require(whole.allSatisfy { $0.bytes.count <= limit }, "lines have a limit")
        let cut = lines(pieces(stream, seed: seed))
        require(whole == cut, "the same lines in pieces")
    }

    /// DATA: independent of how the network cuts the stream, and what is sent on ends where it must and nowhere else.
    static let dataContent = FuzzTarget("smtp-data") { input in
        guard let seed = input.first else { return }
        let stream = Array(input.dropFirst())
        for isStrict in [true, false] {
            let whole = decodeData([stream], isStrict: isStrict)
            let cut = decodeData(pieces(stream, seed: seed), isStrict: isStrict)
            require(whole.isComplete == cut.isComplete, "the same end in pieces")
            // Of a line without an end, more or less is held back.
            guard whole.isComplete else {
                let length = min(whole.content.count, cut.content.count)
                require(whole.content.prefix(length) == cut.content.prefix(length), "the same start in pieces")
                continue
            }
            require(whole == cut, "the same content in pieces")
            require(whole.content.last ?? 0x0A == 0x0A, "content is whole lines")
            if isStrict { require(whole.endsAfterCRLFDotCRLF, "only CR LF dot CR LF ends DATA") }
        }
        compareWithChunks(stream, seed: seed)
    }

    /// BDAT of any content, cut anywhere, gives the lines of that content.
    private static func compareWithChunks(_ stream: [UInt8], seed: UInt8) {
        func decode(_ parts: [[UInt8]]) -> [UInt8] {
            var decoder = ChunkDecoder()
            var output = ByteBuffer()
            for part in parts {
                var buffer = ByteBuffer(bytes: part)
                let result = decoder.decode(&buffer, limit: part.count, into: &output)
                require(result.consumed == part.count, "a chunk is taken whole")
            }
            _ = decoder.finish(into: &output)
            return Array(output.readableBytesView)
        }
        let whole = decode([stream])
        require(whole == decode(pieces(stream, seed: seed)), "chunks cut anywhere")
        require(whole.last ?? 0x0A == 0x0A, "chunks are whole lines")
    }

    struct DecodedData: Equatable {
        var content: [UInt8] = []
        var isComplete = false
        var wireBytes = 0
        var sawBareNewline = false
        var endsAfterCRLFDotCRLF = false
    }

    static func decodeData(_ parts: [[UInt8]], isStrict: Bool) -> DecodedData {
        var decoder = DataDecoder(isStrict: isStrict)
        var buffer = ByteBuffer()
        var output = ByteBuffer()
        var decoded = DecodedData()
        var consumed: [UInt8] = Array("\r\n".utf8)
        for part in parts where !decoded.isComplete {
            buffer.writeBytes(part)
            let before = Array(buffer.readableBytesView)
            let result = decoder.decode(&buffer, into: &output)
            consumed += before.prefix(before.count - buffer.readableBytes)
            require(
                buffer.readableBytes <= DataDecoder.partialLimit + 16 || result.isComplete, "a partial line is bounded")
            decoded.isComplete = result.isComplete
            decoded.wireBytes += result.wireBytes
            decoded.sawBareNewline = decoded.sawBareNewline || result.sawBareNewline
        }
        decoded.content = Array(output.readableBytesView)
        decoded.endsAfterCRLFDotCRLF = consumed.suffix(5).elementsEqual("\r\n.\r\n".utf8)
        return decoded
    }
}
