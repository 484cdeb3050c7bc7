/// What one restriction, or a whole list, decides.
enum Outcome: Sendable, Equatable {
    /// Nothing: the next one is asked.
    case dunno
    /// The list ends without a refusal.
    case permit
    /// The command is refused with this reply.
    case refuse(ServerReply)
    /// The connection ends without a reply (access(5) HANGUP).
    case hangUp
}

/// What a list is about, as replies name it: `<NAME>: CLASS rejected: …`.
struct Subject: Sendable, Equatable {
    /// `mail.example.com[192.0.2.1]`, a HELO name, an address, `DATA`.
    var name: String
    /// `Client host`, `Sender address` …
    var label: String

    static let clientLabel = "Client host"
    static let reverseClientLabel = "Unverified Client host"
    static let certificateLabel = "Client certificate"
    static let loginLabel = "SASL login name"
    static let heloLabel = "Helo command"
    static let senderLabel = "Sender address"
    static let recipientLabel = "Recipient address"
    static let etrnLabel = "Etrn command"
    static let dataLabel = "Data command"
    static let endOfDataLabel = "End-of-data"
}

/// One restriction of a list, with its arguments.
protocol Restriction: Sendable {
    func evaluate(_ check: Evaluation) async -> Outcome
}
