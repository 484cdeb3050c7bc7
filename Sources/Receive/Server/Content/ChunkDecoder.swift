import Glibc
import NIOCore

/// Content of BDAT chunks (RFC 3030): CR LF becomes LF, dots mean nothing. Lines may be split across chunks.
struct ChunkDecoder {
    struct Result: Equatable {
        /// Taken from the input.
        var consumed = 0
        /// Size of the lines with CR LF for each line end, as Postfix counts it.
        var wireBytes = 0
        var sawBareNewline = false
    }

    /// A CR at the end of the last buffer: the next byte says what it means.
    private var heldCR = false
    private(set) var endsInNewline = true

    /// Moves up to `limit` bytes from `input` to `output`.
    mutating func decode(_ input: inout ByteBuffer, limit: Int, into output: inout ByteBuffer) -> Result {
        var result = Result()
        guard let slice = input.readSlice(length: min(limit, input.readableBytes)) else { return result }
        output.reserveCapacity(minimumWritableBytes: slice.readableBytes + 1)
        var state = self
        slice.withUnsafeReadableBytes { bytes in
            var start = 0
            while start < bytes.count, let base = bytes.baseAddress {
                let found = memchr(base + start, 0x0A, bytes.count - start)
                guard let found else { break }
                let newline = UnsafeRawPointer(found) - base
                state.takeLine(UnsafeRawBufferPointer(rebasing: bytes[start..<newline]), &output, &result)
                start = newline + 1
            }
            state.takePartial(UnsafeRawBufferPointer(rebasing: bytes[start...]), &output, &result)
        }
        self = state
        result.consumed = slice.readableBytes
        return result
    }

    /// The message is complete: a line without end gets one.
    /// - Returns: what that adds to the size.
    mutating func finish(into output: inout ByteBuffer) -> Int {
        guard heldCR || !endsInNewline else { return 0 }
        if heldCR { output.writeInteger(UInt8(0x0D)) }
        output.writeInteger(UInt8(0x0A))
        defer {
            heldCR = false
            endsInNewline = true
        }
        return heldCR ? 3 : 2
    }

    private mutating func takeLine(
        _ bytes: UnsafeRawBufferPointer, _ output: inout ByteBuffer, _ result: inout Result
    ) {
        var end = bytes.count
        var endsInCR = false
        if end > 0 {
            if heldCR {
                output.writeInteger(UInt8(0x0D))
                result.wireBytes += 1
            }
            if bytes[end - 1] == 0x0D {
                endsInCR = true
                end -= 1
            }
        } else {
            endsInCR = heldCR
        }
        heldCR = false
        if !endsInCR { result.sawBareNewline = true }
        output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
        output.writeInteger(UInt8(0x0A))
        result.wireBytes += end + 2
        endsInNewline = true
    }

    private mutating func takePartial(
        _ bytes: UnsafeRawBufferPointer, _ output: inout ByteBuffer, _ result: inout Result
    ) {
        guard !bytes.isEmpty else { return }
        if heldCR {
            output.writeInteger(UInt8(0x0D))
            result.wireBytes += 1
        }
        heldCR = bytes[bytes.count - 1] == 0x0D
        let end = heldCR ? bytes.count - 1 : bytes.count
        output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
        result.wireBytes += end
        endsInNewline = false
    }
}
