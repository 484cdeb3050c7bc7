/// A message as it came to a recipient.
struct ReceivedMessage {
    /// X-Seed-Id of its own header.
    var number: Int?
    var body: String
    /// A notification: the message it reports, and its failed recipients.
    var reports: (number: Int, recipients: [String])?

    /// - Parameter text: with LF line ends.
    init(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var index = 0
        while index < lines.count, !lines[index].isEmpty {
            if let number = Self.number(lines[index]) { self.number = number }
            index += 1
        }
        body = index < lines.count ? lines[(index + 1)...].joined(separator: "\n") : ""
        guard number == nil else { return }
        var reported: Int?
        var failed: [String] = []
        var recipient = ""
        for line in lines[min(index, lines.count)...] {
            if reported == nil { reported = Self.number(line) }
            // Where the returned message itself is missing.
            if line.hasPrefix("Original-Envelope-Id: seed") {
                reported = Int(line.dropFirst("Original-Envelope-Id: seed".count))
            }
            if line.hasPrefix("Final-Recipient: ") {
                recipient = String(line.split(separator: ";").last ?? "").trimmed
            }
            if line.hasPrefix("Action: failed") { failed.append(recipient) }
        }
        if let reported { reports = (reported, failed) }
    }

    private static func number(_ line: Substring) -> Int? {
        line.hasPrefix("X-Seed-Id: ") ? Int(line.dropFirst("X-Seed-Id: ".count)) : nil
    }
}

extension String {
    /// Without blanks around.
    var trimmed: String {
        var slice = self[...]
        while slice.first == " " { slice = slice.dropFirst() }
        while slice.last == " " { slice = slice.dropLast() }
        return String(slice)
    }
}
