/// A message that was given to the machine.
final class SubmittedMessage {
    enum Answer: Equatable {
        /// Not answered, or the answer was lost.
        case unknown
        case accepted
        case refused
    }

    /// In the header X-Seed-Id.
    let number: Int
    let sender: String
    /// Those that the machine said yes to; before, those that it was told of.
    var recipients: [String]
    /// Lines without line ends.
    let body: [String]
    var answer = Answer.unknown

    init(number: Int, sender: String, recipients: [String], _ random: inout Randomness) {
        self.number = number
        self.sender = sender
        self.recipients = recipients
        var lines: [String] = []
        let count = random.oneIn(40) ? random.within(500...4000) : random.within(0...30)
        for index in 0..<count {
            switch random.below(12) {
            case 0: lines.append("")
            case 1: lines.append(".")
            case 2: lines.append("..leading dots")
            case 3: lines.append("From the start of line \(index)")
            case 4: lines.append(String(repeating: "x\(number)", count: random.within(1...150)))
            default: lines.append("line \(index) of \(number): \(random.next())")
            }
        }
        body = lines
    }

    /// Lines with LF.
    var text: String {
        var text = "From: <\(sender)>\nX-Seed-Id: \(number)\nSubject: message \(number)\n\n"
        for line in body { text += line + "\n" }
        return text
    }

    /// What a recipient has to find in its copy: from the number on.
    var bodyText: String { body.map { $0 + "\n" }.joined() }
}
