/// Text lines as SMTP wants them: CR LF, dots doubled (RFC 5321 §4.5.2), long lines broken. Streams.
struct SMTPFormatter {
    /// smtp_line_length_limit; 0: lines are not broken.
    let lineLimit: Int
    private var column = 0

    init(lineLimit: Int) { self.lineLimit = lineLimit }

    mutating func format(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + bytes.count / 16)
        for byte in bytes {
            if byte == 0x0A {
                output += [0x0D, 0x0A]
                column = 0
                continue
            }
            if column == 0, byte == 0x2E { output.append(0x2E) }
            if lineLimit > 0, column >= lineLimit {
                output += [0x0D, 0x0A, 0x20]
                column = 1
            }
            output.append(byte)
            column += 1
        }
        return output
    }
}
