import InternalProtocol
import MailSyntax
import MailSystem

/// The names that forward_path, luser_relay and command_execution_directory may use: $user, $home, $extension …
struct UserValues {
    private let values: [String: String]

    init(_ recipient: DeliveryRecipient, account: UserAccount?, delimiters: String) {
        let (local, domain) = EmailAddress.split(recipient.address)
        let (user, tail) = EmailAddress.splitExtension(ASCII.lowercased(local), delimiters: delimiters)
        var values = ["user": user, "recipient": recipient.address, "local": local]
        values["extension"] = tail
        values["domain"] = domain
        values["home"] = account?.home
        values["shell"] = account?.shell
        if tail != nil {
            // The delimiter that stands in the address.
            let index = local.utf8.index(local.utf8.startIndex, offsetBy: user.utf8.count)
            values["recipient_delimiter"] = index < local.utf8.endIndex ? String(local[index]) : delimiters
        }
        self.values = values
    }

    subscript(_ name: String) -> String? { values[name] }
}
