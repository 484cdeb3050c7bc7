import NIOCore

/// Cuts command lines out of the input. A line past the limit is cut, and its rest thrown away.
struct LineReader {
    struct Line: Equatable {
        /// Without the line end and the CRs before it.
        var bytes: [UInt8]
        /// Ended by LF without CR.
        var isBare: Bool
        /// More was thrown away than CRs.
        var isCut = false
    }

    let limit: Int
    private var line = Line(bytes: [], isBare: true)

    init(limit: Int) { self.limit = limit }

    /// - Returns: nil when the input holds no whole line.
    mutating func next(_ input: inout ByteBuffer) -> Line? {
        let view = input.readableBytesView
        guard let newline = view.firstIndex(of: 0x0A) else {
            if view.count > limit {
                keep(view)
                input.moveReaderIndex(forwardBy: view.count)
            }
            return nil
        }
        let rest = view[view.startIndex..<newline]
        keep(rest)
        input.moveReaderIndex(forwardBy: rest.count + 1)
        var result = line
        line = Line(bytes: [], isBare: true)
        while !result.isCut, result.bytes.last == 0x0D { result.bytes.removeLast() }
        return result
    }

    /// Whatever part of the line comes at once: CRs count only when something else follows them.
    private mutating func keep(_ part: ByteBufferView) {
        guard let last = part.last else { return }
        let room = limit - line.bytes.count
        line.bytes.append(contentsOf: part.prefix(room))
        line.isCut = line.isCut || part.dropFirst(room).contains { $0 != 0x0D }
        line.isBare = last != 0x0D
    }
}
