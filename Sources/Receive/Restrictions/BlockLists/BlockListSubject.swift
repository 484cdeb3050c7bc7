import MailSyntax

/// What is looked up in a block list.
enum BlockListSubject: Sendable {
    case clientAddress
    case clientName
    case reverseClientName
    case helo
    case sender
    case recipient

    /// The name to ask for, what the reply calls it, and its class; nil when there is nothing to look up.
    func query(_ facts: SessionFacts) -> (name: String, what: String, subject: Subject)? {
        let client = facts.client
        switch self {
        case .clientAddress:
            guard let address = client.ip else { return nil }
            return (
                address.unmapped.reversedLabels, client.address,
                Subject(name: client.nameAndAddress, label: Subject.clientLabel)
            )
        case .clientName:
            guard client.name != "unknown" else { return nil }
            return (client.name, client.name, Subject(name: client.nameAndAddress, label: Subject.clientLabel))
        case .reverseClientName:
            guard client.reverseName != "unknown" else { return nil }
            return (
                client.reverseName, client.reverseName,
                Subject(name: client.reverseName, label: Subject.reverseClientLabel)
            )
        case .helo:
            guard let name = facts.helo, !name.isEmpty, name.utf8.first != UInt8(ascii: "[") else { return nil }
            return (name, name, Subject(name: name, label: Subject.heloLabel))
        case .sender: return address(facts.sender, .sender)
        case .recipient: return address(facts.recipient, .recipient)
        }
    }

    private func address(_ address: String?, _ role: AddressRole) -> (String, String, Subject)? {
        guard let address, let domain = EmailAddress.domain(address), !domain.isEmpty,
            domain.utf8.first != UInt8(ascii: "[")
        else { return nil }
        return (domain, address, Subject(name: address, label: role.label))
    }
}
