import MailSyntax

/// Writes an address header anew: addresses joined by blanks up to about 70 columns, then a tab on the next line.
enum HeaderFolding {
    static let width = 70

    /// - Parameter elements: what stands between the commas.
    static func fold(name: String, _ elements: [[UInt8]]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var line = Array("\(name): ".utf8)
        // Columns of the current line, without the tab.
        var columns = line.count
        for (index, element) in elements.enumerated() {
            let piece = index < elements.count - 1 ? element + [0x2C] : element
            if index > 0 {
                if columns + 1 + piece.count < width {
                    line.append(0x20)
                    columns += 1
                } else {
                    lines.append(line)
                    line = [0x09]
                    columns = 0
                }
            }
            line += piece
            columns += piece.count
        }
        lines.append(line)
        return lines
    }
}
