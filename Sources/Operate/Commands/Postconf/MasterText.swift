import Configuration
import MailSystem

/// master.cf as postconf sees it.
struct MasterText {
    let entries: [MasterEntry]
    /// What is odd about the lines themselves.
    let complaints: [String]

    /// Entries of `path`; nil when there is no such file.
    init?(path: String) throws(CommandFailure) {
        let bytes: [UInt8]
        do { bytes = try Files.read(path) } catch { return nil }
        try self.init(bytes, path: path)
    }

    init(_ bytes: [UInt8], path: String) throws(CommandFailure) {
        var entries: [MasterEntry] = []
        var complaints: [String] = []
        for line in LogicalLines.read(bytes) {
            if let warning = line.leadingSpaceWarning(file: path) {
                complaints.append(warning.complaint)
            } else {
                entries.append(try Self.entry(line.text, path, line.line))
            }
        }
        self.entries = entries
        self.complaints = complaints
    }

    static func entry(_ text: String, _ path: String, _ line: Int) throws(CommandFailure) -> MasterEntry {
        do { return try MasterEntry(text) } catch {
            if error.text == "bad field count" { throw CommandFailure("file \(path): line \(line): bad field count") }
            throw error
        }
    }
}
