import Routing

/// Routes recipients with the address resolver.
struct ResolverRouter: RecipientRouter {
    let resolver: AddressResolver

    func route(sender: String, recipient: String) async -> Route {
        let found = await resolver.resolve(sender: sender, recipient: recipient)
        switch found.problem {
        case .invalidAddress: return .never(status: "5.1.3", reason: "bad address syntax")
        case .lookupFailure: return .later(status: "4.3.0", reason: "address resolver failure")
        case nil:
            return .deliver(
                transport: found.transport, nexthop: found.nexthop, recipient: found.recipient,
                isLocal: found.addressClass == .local)
        }
    }
}
