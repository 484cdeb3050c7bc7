import Configuration
import Lookup
import MailSyntax

/// masquerade_domains: hides the names of hosts below a domain.
package struct Masquerade: Sendable {
    private let domains: [(name: String, excluded: Bool)]
    private let exceptions: StringList
    let roles: Set<AddressRole>

    package init(_ parameters: Parameters, opener: TableOpener) {
        domains = parameters.list("masquerade_domains").map { word in
            var name = word[...]
            var excluded = false
            while name.utf8.first == 0x21 {
                excluded.toggle()
                name = name.dropFirst()
            }
            return (ASCII.lowercased(String(name)), excluded)
        }
        exceptions = StringList(
            parameters["masquerade_exceptions"], name: "masquerade_exceptions", opener: opener)
        roles = AddressRole.set(parameters.list("masquerade_classes"))
    }

    var isEmpty: Bool { domains.isEmpty }

    /// - Returns: the address with a shorter domain, or as it was.
    package func apply(_ address: String) async throws(LookupError) -> String {
        let (local, domain) = EmailAddress.split(address)
        guard let domain else { return address }
        let folded = ASCII.lowercased(domain).utf8
        for (name, excluded) in domains {
            if folded.elementsEqual(name.utf8) { return address }
            guard folded.count > name.utf8.count, folded.suffix(name.utf8.count).elementsEqual(name.utf8),
                folded.dropLast(name.utf8.count).last == 0x2E
            else { continue }
            if excluded { return address }
            if !exceptions.isEmpty, try await exceptions.matches(local) { return address }
            return "\(local)@\(name)"
        }
        return address
    }
}
