import MailSyntax

/// One header: all its physical lines, joined by LF.
package struct HeaderLine: Equatable {
    /// As written.
    let name: String
    /// Lower case.
    let key: String
    /// `Name: value`, continuation lines included.
    let bytes: [UInt8]
    /// Index in `bytes` of the first byte after the colon.
    let valueStart: Int

    /// How many bytes of `line` name the header, and where its colon is; nil when the line is no header.
    package static func colon(_ line: some RandomAccessCollection<UInt8>) -> (nameLength: Int, colon: Int)? {
        var index = line.startIndex
        while index < line.endIndex, line[index] > 0x20, line[index] < 0x7F, line[index] != 0x3A {
            index = line.index(after: index)
        }
        let nameLength = line.distance(from: line.startIndex, to: index)
        while index < line.endIndex, line[index] == 0x20 || line[index] == 0x09 { index = line.index(after: index) }
        guard nameLength > 0, index < line.endIndex, line[index] == 0x3A else { return nil }
        return (nameLength, line.distance(from: line.startIndex, to: index))
    }

    /// - Parameter logical: lines joined by LF. A NUL ends the header, white space before the colon goes.
    init?(_ logical: [UInt8]) {
        guard let (nameLength, colon) = Self.colon(logical) else { return nil }
        var bytes = logical
        if let zero = bytes.firstIndex(of: 0) { bytes.removeSubrange(zero...) }
        if colon > nameLength { bytes.removeSubrange(nameLength..<colon) }
        name = String(decoding: bytes[..<nameLength], as: UTF8.self)
        key = ASCII.lowercased(name)
        self.bytes = bytes
        valueStart = nameLength + 1
    }

    var value: ArraySlice<UInt8> { bytes[min(valueStart, bytes.count)...] }

    /// The value without white space in front.
    var text: String { String(decoding: value.drop(while: ASCII.isSpace), as: UTF8.self) }

    var lines: [ArraySlice<UInt8>] { bytes.split(separator: 0x0A, omittingEmptySubsequences: false) }
}
