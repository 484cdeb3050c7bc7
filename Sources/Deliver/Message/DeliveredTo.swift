import MailSyntax
import Spool

/// The Delivered-To: headers of a message: an address that stands there has had the message before.
enum DeliveredTo {
    /// Headers beyond this are not looked at.
    static let limit = 4 << 20

    /// - Parameter content: at its beginning. Blocks.
    /// - Returns: internal forms, case folded.
    static func addresses(in content: ContentReader) throws(QueueFileError) -> Set<String> {
        var found: Set<String> = []
        var line: [UInt8] = []
        var total = 0
        let name = Array("delivered-to:".utf8)
        func note(_ line: [UInt8]) {
            guard line.count > name.count, line.prefix(name.count).map(lower).elementsEqual(name) else { return }
            let value = String(decoding: line.dropFirst(name.count), as: UTF8.self)
            found.insert(fold(EmailAddress.unquote(trimmed(value))))
        }
        while total < limit, let chunk = try content.nextChunk(16 << 10) {
            total += chunk.count
            for byte in chunk {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    continue
                }
                // A line that is no header ends them.
                if line.isEmpty { return found }
                let isContinuation = line[0] == UInt8(ascii: " ") || line[0] == UInt8(ascii: "\t")
                if !isContinuation, !line.contains(UInt8(ascii: ":")) { return found }
                note(line)
                line.removeAll(keepingCapacity: true)
            }
        }
        return found
    }

    static func fold(_ address: String) -> String { ASCII.lowercased(address) }

    private static func lower(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }

    private static func trimmed(_ text: String) -> String {
        var slice = Substring(text)
        while let first = slice.utf8.first, first == 0x20 || first == 0x09 || first == 0x0d { slice.removeFirst() }
        while let last = slice.utf8.last, last == 0x20 || last == 0x09 || last == 0x0d { slice.removeLast() }
        return String(slice)
    }
}
