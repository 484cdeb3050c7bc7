/// Changes lines of a message on their way out: `>From `, dot stuffing, other line ends. Works on chunks of any size.
struct LineTransformer: Sendable {
    /// `>` before lines that begin with `From `.
    var quotesFrom = false
    /// `.` before lines that begin with `.`.
    var doublesDots = false
    var eol: [UInt8] = [UInt8(ascii: "\n")]

    /// The first bytes of a line while they may still become `From `.
    private var held: [UInt8] = []
    private var atLineStart = true

    private static let from = Array("From ".utf8)

    init(quotesFrom: Bool = false, doublesDots: Bool = false, eol: [UInt8] = [UInt8(ascii: "\n")]) {
        self.quotesFrom = quotesFrom
        self.doublesDots = doublesDots
        self.eol = eol
    }

    private var isIdentity: Bool { !quotesFrom && !doublesDots && eol == [UInt8(ascii: "\n")] }

    mutating func transform(_ chunk: [UInt8]) -> [UInt8] {
        if isIdentity { return chunk }
        var output: [UInt8] = []
        output.reserveCapacity(chunk.count + 64)
        for byte in chunk {
            if quotesFrom, atLineStart || !held.isEmpty {
                if byte == Self.from[held.count] {
                    atLineStart = false
                    held.append(byte)
                    if held.count == Self.from.count {
                        output.append(UInt8(ascii: ">"))
                        output += held
                        held = []
                    }
                    continue
                }
                output += held
                if !held.isEmpty { atLineStart = false }
                held = []
            }
            if doublesDots, atLineStart, byte == UInt8(ascii: ".") { output.append(byte) }
            if byte == UInt8(ascii: "\n") {
                output += eol
                atLineStart = true
            } else {
                output.append(byte)
                atLineStart = false
            }
        }
        return output
    }

    /// What was held back at the end.
    mutating func finish() -> [UInt8] {
        defer { held = [] }
        return held
    }
}
