import Glibc
import NIOCore

/// Reads message content (RFC 5321 §4.5.2): ends lines with LF alone, takes dots off, finds the end of the message.
/// One pass over the bytes, no memory but the last partial line, which stays in the caller's buffer.
struct DataDecoder {
    struct Result: Equatable {
        /// The final dot has been read.
        var isComplete = false
        /// Size of the lines as sent, CR LF included, dots taken off.
        var wireBytes = 0
        var sawBareNewline = false
    }

    /// Only CR LF . CR LF ends the message.
    let isStrict: Bool
    /// The bytes before the next one ended a line, with CR LF.
    private var atLineStart = true
    private var previousEndedInCRLF = true
    /// A partial line that is longer than this is passed on before its end is seen.
    static let partialLimit = 4096

    init(isStrict: Bool) { self.isStrict = isStrict }

    /// Moves decoded text from `input` to `output`. What stays in `input` needs more bytes.
    mutating func decode(_ input: inout ByteBuffer, into output: inout ByteBuffer) -> Result {
        var result = Result()
        var consumed = 0
        let decoder = self
        var state = decoder
        _ = input.withUnsafeReadableBytes { bytes in
            // The text is never longer than what it is decoded from.
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count) { buffer in
                var text = Text(buffer: buffer)
                while !result.isComplete, consumed < bytes.count {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
                    guard let length = Self.lineLength(rest) else {
                        consumed += state.takePartial(rest, &text, &result)
                        break
                    }
                    state.takeLine(rest, length, &text, &result)
                    consumed += length + 1
                }
                return text.count
            }
        }
        self = state
        input.moveReaderIndex(forwardBy: consumed)
        return result
    }

    /// Decoded text in memory that has room for it.
    private struct Text {
        let buffer: UnsafeMutableRawBufferPointer
        var count = 0

        mutating func append(_ bytes: UnsafeRawBufferPointer) {
            precondition(bytes.count <= buffer.count - count)
            UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: bytes)
            count += bytes.count
        }

        mutating func append(_ byte: UInt8) {
            precondition(count < buffer.count)
            buffer[count] = byte
            count += 1
        }
    }

    /// - Returns: the number of bytes before the LF.
    private static func lineLength(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress, let found = memchr(base, 0x0A, bytes.count) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    private mutating func takeLine(
        _ bytes: UnsafeRawBufferPointer, _ length: Int, _ text: inout Text, _ result: inout Result
    ) {
        var end = length
        let endsInCRLF = end > 0 && bytes[end - 1] == 0x0D
        if endsInCRLF {
            end -= 1
            // Without the strict rule any number of CR belongs to the line end.
            if !isStrict { while end > 0, bytes[end - 1] == 0x0D { end -= 1 } }
        } else {
            result.sawBareNewline = true
        }
        var start = 0
        if atLineStart, end > 0, bytes[0] == 0x2E {
            if end == 1 {
                result.isComplete = !isStrict || (endsInCRLF && previousEndedInCRLF)
                // A lone dot is never content: one that ends nothing is dropped, as Postfix does.
                atLineStart = true
                previousEndedInCRLF = endsInCRLF
                return
            }
            start = 1
        }
        text.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        text.append(0x0A)
        result.wireBytes += end - start + 2
        atLineStart = true
        previousEndedInCRLF = endsInCRLF
    }

    /// Passes on the start of a long line, but for the CRs at its end.
    private mutating func takePartial(
        _ bytes: UnsafeRawBufferPointer, _ text: inout Text, _ result: inout Result
    ) -> Int {
        guard bytes.count > Self.partialLimit else { return 0 }
        var end = bytes.count
        while end > bytes.count - 16, bytes[end - 1] == 0x0D { end -= 1 }
        let start = atLineStart && bytes[0] == 0x2E ? 1 : 0
        text.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        result.wireBytes += end - start
        atLineStart = false
        return end
    }
}
