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

    func judge(_ check: Evaluation) async -> HeaderRewriting {
        for item in items {
            switch item {
            case .restriction(let restriction):
                if await restriction.evaluate(check) == .permit { return .local }
            case .addresses(let maps):
                do {
                    // The address as a whole: no networks (postconf(5)).
                    if try await maps.find(check.facts.client.address) != nil { return .local }
                } catch {
                    return .refused(
                        error.isEmptyResult
                            ? RestrictionReplies.configuration
                            : ServerReply(451, "4.3.0", "Temporary lookup error"))
                }
            }
        }
        return .remote
    }
}
