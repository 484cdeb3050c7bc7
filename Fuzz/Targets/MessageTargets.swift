import Configuration
import Lookup
import MailSyntax
import MailSystem
import NIOCore
import Runtime
import Spool
import TestSupport

@testable import Cleanup
@testable import Send

extension FuzzTarget {
    static let headers = FuzzTarget("headers") { input in
        var assembler = HeaderAssembler(limit: 1000, nameLimit: 200)
        var total = 0
        for line in input.split(separator: 0x0A, omittingEmptySubsequences: false) {
            guard assembler.accepts(line) else { break }
            if case .end = assembler.take(line) { break }
            total += line.count + 1
        }
        if let last = assembler.finish() {
            require(last.bytes.count <= 1000 + 200, "header_size_limit")
            require(!last.name.isEmpty && last.valueStart <= last.bytes.count, "a name and a colon")
        }
        guard let header = HeaderLine(input) else { return }
        require(!header.bytes.contains(0), "no NUL in a header")
        require(HeaderLine(header.bytes) == header, "read again")
    }

    static let mime = FuzzTarget("mime") { input in
        guard let seed = input.first else { return }
        let text = input.dropFirst()
        checkStructure(text)
        if let type = MIMEContentType(text) {
            require(type.boundary?.count ?? 0 <= 2048, "boundary length")
            require(!type.type.isEmpty && !type.subtype.isEmpty, "a type")
        }
        _ = mimeToken(text)
        let end = text.firstIndex(of: 0x0A) ?? text.endIndex
        guard var whole = PartEncodingScanner(contentType: text[..<end]), var cut = Optional(whole) else { return }
        let body = Array(text[end...])
        body.withUnsafeBytes { whole.take($0) }
        for piece in pieces(body, seed: seed) { piece.withUnsafeBytes { cut.take($0) } }
        require(whole.found8bit == cut.found8bit, "the same verdict in pieces")
    }

    /// Headers and body lines are those of the message, whatever is found in it.
    private static func checkStructure(_ text: ArraySlice<UInt8>) {
        var parser = MIMEParser(limits: .init(header: 1 << 20, nesting: 3, boundary: 70))
        var rebuilt: [UInt8] = []
        var headerOffsets = 0
        func take(_ event: MIMEParser.Event) {
            switch event {
            case .header(_, let header, let offset):
                rebuilt += header + [0x0A]
                headerOffsets = max(headerOffsets, offset)
            case .body(let piece, let endsLine, _): rebuilt += piece + (endsLine ? [0x0A] : [])
            case .headersEnd, .problem: break
            }
        }
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
            parser.take(line, endsLine: true, take)
        }
        parser.finish(take)
        // Blanks before a header's colon go, and where a body follows headers at once, an empty line comes between.
        func isText(_ byte: UInt8) -> Bool { byte != 0x0A && byte != 0x20 && byte != 0x09 }
        require(rebuilt.filter(isText) == text.filter(isText), "headers and body are the message")
        require(rebuilt.count <= 2 * text.count + 2, "no more lines than there are")
        require(headerOffsets <= text.count, "offsets are in the message")
    }

    /// 8BITMIME to 7 bits: however the content is cut, the result is the same, and it is 7-bit where it says so.
    static let eightBit = FuzzTarget("eight-bit") { input in
        guard let seed = input.first else { return }
        let text = Array(input.dropFirst())
        var converter = EightBitConverter()
        let whole = converter.convert(text) + converter.finish()
        require(whole.count <= 8 * text.count + 8192, "a bounded size")
        guard text.count <= 4096 else { return }
        var other = EightBitConverter()
        var cut: [UInt8] = []
        for piece in pieces(text, seed: seed) { cut += other.convert(piece) }
        cut += other.finish()
        require(whole == cut, "the same in pieces")
    }

    /// A message through cleanup to a queue file and out again by SMTP: what arrives is what was sent, and it ends where
    /// it should.
    static let cleanup = FuzzTarget("cleanup") { input in
        guard let seed = input.first else { return }
        let text = Array(input.dropFirst())
        wait { await checkCleanup(text, seed) }
    }

    private static let pool = BlockingPool(maximumThreads: 2)
    private static let parameters = Parameters(values: [
        "myhostname": "mail.home.example", "mydomain": "home.example", "myorigin": "$mydomain",
        "inet_interfaces": "127.0.0.1", "compatibility_level": "3.6", "virtual_alias_maps": "",
        "header_size_limit": "2000", "line_length_limit": "200",
    ])

    private static func checkCleanup(_ text: [UInt8], _ seed: UInt8) async {
        let clock = SimulatedClock()
        let store = MemoryFileStore(directories: ["incoming", "hold", "trace"], clock: clock)
        let log = MailLog(tag: "cleanup", sink: MemoryLogSink())
        let queue = QueueDirectory(store: store, processID: 7)
        let service = CleanupService(
            parameters, opener: TableOpener(settings: TableSettings(), log: log), queue: queue, pool: pool, log: log,
            clock: clock, notifyQueue: { _ in })
        do {
            let envelope = IncomingEnvelope(source: .network, sender: "a@remote.example", arrival: clock.now())
            let message = try await service.begin(envelope)
            await message.addRecipient(RecipientSpec("foo@home.example"))
            for piece in pieces(text, seed: seed) { await message.append(piece) }
            let verdict = await message.finish()
            guard case .accepted = verdict else { return }
            guard let id = QueueID(message.queueID) else { fatalError("a queue id") }
            let reader = try QueueFileReader.open(queue, queue: "incoming", id: id)
            let envelopeRead = try reader.envelope()
            require(envelopeRead.sender == "a@remote.example", "the sender")
            let cursor = envelopeRead.recipients
            guard let cursor else { fatalError("recipients") }
            let (batch, _) = try reader.recipients(of: envelopeRead, from: cursor, limit: 100)
            require(batch.map(\.address) == ["foo@home.example"], "the recipient")
            try checkWire(reader, envelopeRead.size.dataOffset)
        } catch {
            fatalError("\(error)")
        }
    }

    /// Dot-stuffed content, decoded by our own DATA, is the content, and nothing in it ends DATA early.
    private static func checkWire(_ reader: QueueFileReader, _ dataOffset: Int) throws {
        let plain = ContentReader(reader, dataOffset: dataOffset, format: .text)
        let wire = ContentReader(reader, dataOffset: dataOffset, format: .smtp(lineLimit: 0))
        var content: [UInt8] = []
        while let chunk = try plain.nextChunk() { content += chunk }
        var stream: [UInt8] = []
        while let chunk = try wire.nextChunk() { stream += chunk }
        let decoded = decodeData([stream + Array(".\r\n".utf8)], isStrict: true)
        require(decoded.isComplete, "the final dot is seen")
        require(!content.contains(0x0D), "cleanup replaces stray CR")
        require(decoded.content == content, "DATA gives the content back")
        for isStrict in [true, false] {
            require(!decodeData([stream], isStrict: isStrict).isComplete, "content does not end DATA")
        }
    }
}
