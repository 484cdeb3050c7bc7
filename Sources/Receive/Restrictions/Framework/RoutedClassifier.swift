import Routing

/// Address classes from the routing of mail itself.
package struct RoutedClassifier: AddressClassifier {
    let rewriter: AddressRewriter
    let resolver: AddressResolver

    package func classify(_ address: String, sender: String) async -> AddressClassification? {
        let resolution = await resolver.resolve(sender: sender, recipient: rewriter.rewrite(address, context: .local))
        if resolution.isDeferred { return nil }
        let addressClass: AddressClassification.Class =
            switch resolution.addressClass {
            case .local: .local
            case .virtualAlias: .virtualAlias
            case .virtualMailbox: .virtualMailbox
            case .relay: .relay
            case .default: .other
            }
        return AddressClassification(
            addressClass: addressClass, address: resolution.recipient, isSourceRouted: resolution.isRouted,
            transport: resolution.transport, nexthop: resolution.nexthop)
    }
}
