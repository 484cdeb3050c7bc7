import Configuration
import InternalProtocol
import MailSyntax

/// Expands the argv of a pipe(8) line for one delivery request.
struct PipeArguments {
    let attributes: PipeAttributes
    let request: DeliveryRequest
    /// recipient_delimiter
    let delimiters: String

    /// Macros that make an argument repeat for each recipient.
    private static let perRecipient: Set<String> = [
        "recipient", "original_recipient", "user", "extension", "mailbox", "domain",
    ]
    private static let perMessage: Set<String> = [
        "sender", "nexthop", "size", "queue_id", "client_address", "client_helo", "client_hostname", "client_port",
        "client_protocol", "sasl_method", "sasl_sender", "sasl_username",
    ]

    /// - Returns: the arguments, and names of macros that do not exist.
    func expand() throws(MacroError) -> (arguments: [String], unknown: [String]) {
        var arguments: [String] = []
        var unknown: [String] = []
        for argument in attributes.argv {
            let names = Set(MacroText.names(in: argument))
            unknown += names.subtracting(Self.perRecipient).subtracting(Self.perMessage)
            if names.isDisjoint(with: Self.perRecipient) {
                arguments.append(try MacroText.expand(argument) { (name) throws(MacroError) in messageValue(name) })
                continue
            }
            for recipient in request.recipients {
                arguments.append(
                    try MacroText.expand(argument) { (name) throws(MacroError) in
                        recipientValue(name, recipient) ?? messageValue(name)
                    })
            }
        }
        return (arguments, unknown)
    }

    private func has(_ flag: Character) -> Bool { attributes.flags.contains(flag) }

    private func recipientValue(_ name: String, _ recipient: DeliveryRecipient) -> String? {
        let folded = fold(recipient.address)
        let (local, domain) = EmailAddress.split(folded)
        let parts = EmailAddress.splitExtension(local, delimiters: delimiters)
        switch name {
        case "recipient": return quoted(folded)
        case "original_recipient":
            return quoted(fold(recipient.originalAddress.isEmpty ? recipient.address : recipient.originalAddress))
        case "mailbox": return local
        case "user": return parts.user
        case "extension": return parts.extension ?? ""
        case "domain": return domain ?? ""
        default: return nil
        }
    }

    private func messageValue(_ name: String) -> String? {
        switch name {
        case "sender": request.sender.isEmpty ? nullSender : quoted(request.sender)
        case "nexthop": has("h") ? ASCII.lowercased(request.nexthop) : request.nexthop
        case "size": "\(request.contentLength)"
        case "queue_id": request.queueID
        case "client_address": request.origin.clientAddress
        case "client_helo": request.origin.heloName
        case "client_hostname": request.origin.clientName
        case "client_port": request.origin.clientPort
        case "client_protocol": request.origin.protocolName
        case "sasl_method": request.origin.saslMethod
        case "sasl_sender": request.origin.saslSender
        case "sasl_username": request.origin.saslUsername
        default: nil
        }
    }

    private var nullSender: String { attributes.nullSender.isEmpty ? "" : quoted(attributes.nullSender) }

    /// `u` folds the local part, `h` the domain.
    private func fold(_ address: String) -> String {
        let (local, domain) = EmailAddress.split(address)
        let left = has("u") ? ASCII.lowercased(local) : local
        guard let domain else { return left }
        return "\(left)@\(has("h") ? ASCII.lowercased(domain) : domain)"
    }

    private func quoted(_ address: String) -> String { has("q") ? EmailAddress.quoted(address) : address }
}
