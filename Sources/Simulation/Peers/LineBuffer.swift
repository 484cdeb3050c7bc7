/// Cuts lines off a stream of bytes.
struct LineBuffer {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ new: [UInt8]) { bytes += new }

    /// The next line without its CR LF.
    mutating func next() -> String? {
        guard let end = bytes.firstIndex(of: 0x0A) else { return nil }
        var line = bytes[..<end]
        if line.last == 0x0D { line.removeLast() }
        let text = String(decoding: line, as: UTF8.self)
        bytes.removeFirst(end + 1)
        return text
    }
}
