/// Reads mailbox files.
enum Mailbox {
    /// The messages of an mbox file. What a crash has left half-written is none: octets that never reached the disk are
    /// zero, and a line may end too early. What was whole before them stays a message.
    static func messages(_ text: String) -> [String] {
        var messages: [String] = []
        var lines: [Substring] = []
        var isTorn = false
        func finish() {
            // The blank line at the end belongs to the format.
            if let last = lines.last, last.isEmpty, lines.count > 1 {
                messages.append(lines.dropLast().map { $0 + "\n" }.joined())
            }
            lines = []
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let mayBegin = isTorn || lines.last?.isEmpty ?? true
            if mayBegin, line.hasPrefix("From ") {
                finish()
                isTorn = false
            } else if line.utf8.contains(0) || mayBegin && line == "From ".prefix(line.utf8.count) && !line.isEmpty {
                finish()
                isTorn = true
            } else if !isTorn {
                lines.append(line.hasPrefix(">From ") ? line.dropFirst() : line)
            }
        }
        finish()
        return messages
    }
}
