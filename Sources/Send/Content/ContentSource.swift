import MailSystem
import Spool

/// The content of a message as it goes over the wire, in pieces. Calls block.
final class ContentSource: @unchecked Sendable {
    // Unchecked: used from one task at a time; the hops to the blocking pool are ordered by await.
    private let reader: ContentReader
    private var converter: EightBitConverter?
    private var formatter: SMTPFormatter
    private var hasEnded = false

    /// - Parameter converts: 8-bit parts become quoted-printable.
    init(
        file: any StoredFile, size: Int, dataOffset: Int, lineLimit: Int, converts: Bool
    ) {
        reader = ContentReader(
            file: file, size: size, dataOffset: dataOffset,
            format: converts ? .text : .smtp(lineLimit: lineLimit))
        converter = converts ? EightBitConverter() : nil
        formatter = SMTPFormatter(lineLimit: lineLimit)
    }

    /// Whether `next` needs no disk. Does not block.
    func isReady(_ count: Int) -> Bool { converter == nil && reader.isReady(count) }

    /// About `count` bytes and at least one; less than `count` only at the end; nil behind it.
    func next(_ count: Int) throws(QueueFileError) -> [UInt8]? {
        guard converter != nil else { return try reader.nextChunk(count) }
        var output: [UInt8] = []
        while output.count < count, !hasEnded {
            let text: [UInt8]?
            if let chunk = try reader.nextChunk(count) {
                text = converter?.convert(chunk)
            } else {
                hasEnded = true
                text = converter?.finish()
            }
            if let text { output += formatter.format(text) }
        }
        return output.isEmpty ? nil : output
    }
}
