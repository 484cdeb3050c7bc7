import MailSyntax

/// Makes an 8-bit MIME message fit for a server without 8BITMIME (RFC 6152 §3): parts that say 8bit or binary become
/// quoted-printable, whatever contains them becomes 7bit. Text without such a label is left alone, as Postfix leaves it.
/// Streams: holds one header, or one line.
struct EightBitConverter {
    /// Bytes of a line that are looked at together.
    private static let pieceLimit = 4096

    private var parser: MIMEParser
    private var line: [UInt8] = []
    /// Pieces of the current line have gone out.
    private var isMidLine = false
    private var output: [UInt8] = []

    init(limits: MIMEParser.Limits = MIMEParser.Limits()) { parser = MIMEParser(limits: limits, converts: true) }

    /// Lines ended by LF; the last one may be partial.
    mutating func convert(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            line += rest[..<end]
            take(endsLine: true)
            rest = rest[(end + 1)...]
        }
        line += rest
        if line.count > Self.pieceLimit { take(endsLine: false) }
        defer { output = [] }
        return output
    }

    mutating func finish() -> [UInt8] {
        if !line.isEmpty || isMidLine { take(endsLine: true) }
        var output = output
        parser.finish { Self.put($0, &output) }
        self.output = []
        return output
    }

    private mutating func take(endsLine: Bool) {
        var output = output
        self.output = []
        parser.take(line[...], endsLine: endsLine) { Self.put($0, &output) }
        self.output = output
        line.removeAll(keepingCapacity: true)
        isMidLine = !endsLine
    }

    private static func put(_ event: MIMEParser.Event, _ output: inout [UInt8]) {
        switch event {
        case .header(_, let header, _): output += header + [0x0A]
        case .body(let text, let endsLine, _):
            output += text
            if endsLine { output.append(0x0A) }
        case .headersEnd, .problem: break
        }
    }
}
