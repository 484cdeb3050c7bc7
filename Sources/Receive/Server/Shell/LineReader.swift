import NIOCore

/// Cuts command lines out of the input. A line past the limit is cut, and its rest thrown away.
struct LineReader {
    struct Line: Equatable {
        /// Without the line end.
        var bytes: [UInt8]
        /// Ended by LF without CR.
        var isBare: Bool
        var isCut = false
    }

    let limit: Int
    private var cut: [UInt8]?
    /// The last byte of a cut line so far: its CR and LF may come apart.
    private var lastOfCut: UInt8?

    init(limit: Int) { self.limit = limit }

    /// - Returns: nil when the input holds no whole line.
    mutating func next(_ input: inout ByteBuffer) -> Line? {
        let view = input.readableBytesView
        guard let newline = view.firstIndex(of: 0x0A) else {
            if view.count > limit {
                if cut == nil { cut = Array(view.prefix(limit)) }
                lastOfCut = view.last
                input.moveReaderIndex(forwardBy: view.count)
            }
            return nil
        }
        var bytes = Array(view[view.startIndex..<newline])
        input.moveReaderIndex(forwardBy: bytes.count + 1)
        let isBare = (bytes.last ?? lastOfCut) != 0x0D
        lastOfCut = nil
        if let start = cut {
            cut = nil
            return Line(bytes: start, isBare: isBare, isCut: true)
        }
        while bytes.last == 0x0D { bytes.removeLast() }
        let isCut = bytes.count > limit
        if isCut { bytes.removeLast(bytes.count - limit) }
        return Line(bytes: bytes, isBare: isBare, isCut: isCut)
    }
}
