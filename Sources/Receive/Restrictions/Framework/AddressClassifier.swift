/// What routing makes of an address: ADDRESS_CLASS_README.
struct AddressClassification: Sendable, Equatable {
    enum Class: Sendable, Equatable {
        case local, virtualAlias, virtualMailbox, relay, other
    }

    var addressClass: Class
    /// The address after rewriting, as tables have it.
    var address: String
    /// `user@elsewhere@domain`, `user%elsewhere@domain`: routing by the sender.
    var isSourceRouted = false
    var transport = ""
    var nexthop = ""

    /// Mail for it ends here.
    var isFinalDestination: Bool { addressClass != .relay && addressClass != .other }
    /// The domain is one that this server takes mail for.
    var isAuthorizedDestination: Bool { addressClass != .other }
}

/// Routing, as restrictions need it.
protocol AddressClassifier: Sendable {
    /// Nil when a table could not answer, which has been logged.
    func classify(_ address: String, sender: String) async -> AddressClassification?
}
