/// The line format that main.cf, master.cf and lookup tables share: a line that starts with white space continues the
/// one before; empty lines and lines whose first other character is `#` are skipped, between continuations too.
/// postconf(5).
public struct LogicalLine: Equatable, Sendable {
    /// Joined, without line ends.
    public var text: String
    /// Where it starts, from 1.
    public var line: Int
    /// True when the file's first line starts with white space: there is nothing that it continues.
    public var startsWithSpace: Bool

    /// For main.cf and master.cf, where such a line does not count.
    public func leadingSpaceWarning(file: String) -> ConfigurationDiagnostic? {
        guard startsWithSpace else { return nil }
        return ConfigurationDiagnostic(
            .warning, file: file, line: line, "logical line must not start with whitespace: \"\(text)\"",
            cure: "the line is ignored: begin it in the first column", complaintHasLine: false)
    }
}

public enum LogicalLines {
    public static func read(_ bytes: [UInt8]) -> [LogicalLine] {
        var lines: [LogicalLine] = []
        var current: [UInt8] = []
        var started = 0
        var indented = false
        var number = 0
        func finish() {
            guard started > 0 else { return }
            lines.append(
                LogicalLine(text: String(decoding: current, as: UTF8.self), line: started, startsWithSpace: indented))
        }
        for raw in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            guard let visible = raw.first(where: { !ListSetting.isSpace($0) }), visible != UInt8(ascii: "#") else {
                continue
            }
            let continues = raw.first.map(ListSetting.isSpace) ?? false
            if continues, started > 0 {
                current.append(contentsOf: raw)
            } else {
                finish()
                current = Array(raw)
                started = number
                indented = continues
            }
        }
        finish()
        return lines
    }
}
