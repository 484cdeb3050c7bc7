import MailSyntax

/// Which address of the transaction a restriction is about.
enum AddressRole: Sendable {
    case sender, recipient

    /// Nil when there is none at this moment: restrictions then say nothing.
    func address(_ facts: SessionFacts) -> String? {
        switch self {
        case .sender: facts.sender
        case .recipient: facts.recipient
        }
    }

    /// The same, without the null sender.
    func nonEmptyAddress(_ facts: SessionFacts) -> String? {
        guard let address = address(facts), !address.isEmpty else { return nil }
        return address
    }

    var label: String { self == .sender ? Subject.senderLabel : Subject.recipientLabel }
}
