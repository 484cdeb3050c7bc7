/// `transport:nexthop` as local_transport, default_transport and transport(5) tables have it.
package struct TransportSpecification: Sendable, Equatable {
    /// Empty: not given.
    package var transport: String
    /// Empty: not given. The text after the first colon as it stands.
    package var nexthop: String

    package init(_ text: String) {
        guard let colon = text.utf8.firstIndex(of: 0x3A) else {
            transport = text
            nexthop = ""
            return
        }
        transport = String(text[..<colon])
        nexthop = String(text[text.utf8.index(after: colon)...])
    }

    /// What a transport(5) table says of a recipient in `domain`.
    package mutating func apply(_ value: String, domain: String) {
        let override = TransportSpecification(value)
        if override.transport.isEmpty {
            // `:nexthop` leaves the transport alone, `:` everything.
            if !override.nexthop.isEmpty { nexthop = override.nexthop }
        } else {
            transport = override.transport
            nexthop = override.nexthop.isEmpty ? domain : override.nexthop
        }
    }
}
