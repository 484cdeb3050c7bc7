import Configuration
import Lookup

/// local_header_rewrite_clients: whose headers are completed with this server's own domain.
struct LocalRewriteClients: Sendable {
    private enum Item: Sendable {
        case restriction(any Restriction)
        case addresses(Maps)
    }

    private let items: [Item]

    init(parameters: Parameters, opener: TableOpener) throws(ConfigurationError) {
        var items: [Item] = []
        var words = parameters.list("local_header_rewrite_clients")[...]
        while let word = words.popFirst() {
            switch word {
            case "permit_inet_interfaces": items.append(.restriction(PermitInetInterfaces()))
            case "permit_mynetworks": items.append(.restriction(PermitMyNetworks()))
            case "permit_sasl_authenticated": items.append(.restriction(PermitAuthenticated()))
            case "permit_tls_clientcerts": items.append(.restriction(PermitCertificates(any: false)))
            case "permit_tls_all_clientcerts": items.append(.restriction(PermitCertificates(any: true)))
            case "check_address_map": continue
            default:
                guard word.utf8.contains(UInt8(ascii: ":")) else {
                    throw ConfigurationError(
                        "parameter local_header_rewrite_clients: unknown local_header_rewrite_clients item: \"\(word)\""
                    )
                }
                items.append(.addresses(Maps(tables: [opener.open(word, options: .foldKeys)], log: opener.log)))
            }
        }
        self.items = items
    }

    func matches(_ check: Evaluation) async -> Bool {
        for item in items {
            switch item {
            case .restriction(let restriction):
                if await restriction.evaluate(check) == .permit { return true }
            case .addresses(let maps):
                let lookup = AccessLookup(maps: maps, parentsMatch: true)
                let client = check.facts.client
                if let found = try? await lookup.find(domain: client.name), !found.isEmpty { return true }
                if let found = try? await lookup.find(address: client.address), !found.isEmpty { return true }
            }
        }
        return false
    }
}
