/// Reads mailbox files.
enum Mailbox {
    /// The messages of an mbox file. What a crash has left half-written is none.
    static func messages(_ text: String) -> [String] {
        var messages: [String] = []
        var lines: [Substring] = []
        func finish() {
            // The blank line at the end belongs to the format.
            if let last = lines.last, last.isEmpty, lines.count > 1 {
                messages.append(lines.dropLast().map { $0 + "\n" }.joined())
            }
            lines = []
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("From "), lines.last?.isEmpty ?? true {
                finish()
                continue
            }
            lines.append(line.hasPrefix(">From ") ? line.dropFirst() : line)
        }
        finish()
        return messages
    }
}
