/// What routing makes of an address: ADDRESS_CLASS_README.
package struct AddressClassification: Sendable, Equatable {
    package enum Class: Sendable, Equatable {
        case local, virtualAlias, virtualMailbox, relay, other
    }

    package var addressClass: Class
    /// The address after rewriting, as tables have it.
    package var address: String
    /// `user@elsewhere@domain`, `user%elsewhere@domain`: routing by the sender.
    package var isSourceRouted = false
    package var transport = ""
    package var nexthop = ""

    package init(
        addressClass: Class, address: String, isSourceRouted: Bool = false, transport: String = "", nexthop: String = ""
    ) {
        self.addressClass = addressClass
        self.address = address
        self.isSourceRouted = isSourceRouted
        self.transport = transport
        self.nexthop = nexthop
    }

    /// Mail for it ends here.
    var isFinalDestination: Bool { addressClass != .relay && addressClass != .other }
    /// The domain is one that this server takes mail for.
    var isAuthorizedDestination: Bool { addressClass != .other }
}

/// Routing, as restrictions need it.
package protocol AddressClassifier: Sendable {
    /// Nil when a table could not answer, which has been logged.
    func classify(_ address: String, sender: String) async -> AddressClassification?
}
