import Configuration
import Lookup
import MailSyntax
import MailSystem

/// Transport and next hop of a class, and the tables and parameters that override them.
struct TransportSelection: Sendable {
    private let local: TransportSpecification
    private let virtual: TransportSpecification
    private let relay: TransportSpecification
    private let fallback: TransportSpecification
    private let relayHost: String
    private let transportMaps: TransportLookup?
    private let senderRelayHosts: SenderLookup
    private let senderTransports: SenderLookup

    init(_ parameters: Parameters, opener: TableOpener, log: MailLog, purpose: AddressResolver.Purpose) {
        let prefix = purpose == .verification ? "address_verify_" : ""
        func specification(_ name: String) -> TransportSpecification {
            TransportSpecification(parameters[prefix + name])
        }
        local = specification("local_transport")
        virtual = specification("virtual_transport")
        relay = specification("relay_transport")
        fallback = specification("default_transport")
        relayHost = parameters[prefix + "relayhost"]
        let maps = Maps(prefix + "transport_maps", of: parameters, opener: opener)
        transportMaps =
            maps.isEmpty
            ? nil
            : TransportLookup(
                maps: maps, delimiters: parameters["recipient_delimiter"],
                parentsMatch: ParentDomains.match(
                    feature: "transport_maps", in: parameters["parent_domain_matches_subdomains"]))
        senderRelayHosts = SenderLookup(
            prefix + "sender_dependent_relayhost_maps", nullKey: "empty_address_relayhost_maps_lookup_key", parameters,
            opener)
        senderTransports = SenderLookup(
            prefix + "sender_dependent_default_transport_maps",
            nullKey: "empty_address_default_transport_maps_lookup_key", parameters, opener)
    }

    func select(
        _ addressClass: AddressClass, recipient: String, domain: String, sender: String
    ) async throws(RoutingFailure) -> TransportSpecification {
        var choice: TransportSpecification
        switch addressClass {
        case .local: choice = local
        case .virtualMailbox: choice = virtual
        case .virtualAlias:
            // virtual_alias_maps has had its chance; no table may send this anywhere.
            choice = TransportSpecification("error:5.1.1 User unknown in virtual alias table")
            return choice
        case .relay:
            choice = relay
            try await useRelayHost(&choice, sender)
        case .default:
            choice = fallback
            if let value = try await senderTransports.find(sender) {
                choice = TransportSpecification(value)
                guard !choice.transport.isEmpty else { throw RoutingFailure(parameter: senderTransports.parameter) }
            }
            try await useRelayHost(&choice, sender)
        }
        if choice.nexthop.isEmpty { choice.nexthop = domain }
        try await applyTransportMaps(&choice, recipient: recipient, domain: domain)
        return choice
    }

    private func useRelayHost(_ choice: inout TransportSpecification, _ sender: String) async throws(RoutingFailure) {
        guard choice.nexthop.isEmpty else { return }
        choice.nexthop = try await senderRelayHosts.find(sender) ?? relayHost
    }

    private func applyTransportMaps(
        _ choice: inout TransportSpecification, recipient: String, domain: String
    ) async throws(RoutingFailure) {
        guard let transportMaps else { return }
        let value: String?
        do {
            value = try await transportMaps.find(recipient)
        } catch {
            throw RoutingFailure(parameter: "transport_maps")
        }
        if let value { choice.apply(value, domain: domain) }
    }
}

/// A table indexed by envelope sender: the whole address, then `@domain`; DUNNO stops the search.
struct SenderLookup: Sendable {
    let parameter: String
    private let lookup: AddressLookup?
    private let nullKey: String
    private let maps: Maps

    init(_ name: String, nullKey: String, _ parameters: Parameters, _ opener: TableOpener) {
        parameter = name
        self.nullKey = parameters[nullKey]
        maps = Maps(name, of: parameters, opener: opener)
        lookup =
            maps.isEmpty
            ? nil
            : AddressLookup(
                maps: maps, delimiters: parameters["recipient_delimiter"],
                strategy: [.full, .withoutExtension, .atDomain])
    }

    func find(_ sender: String) async throws(RoutingFailure) -> String? {
        guard let lookup else { return nil }
        do {
            let value =
                sender.isEmpty ? try await maps.find(nullKey) : try await lookup.find(sender)?.value
            guard let value, !ASCII.equalIgnoringCase(value, "DUNNO") else { return nil }
            return value
        } catch {
            throw RoutingFailure(parameter: parameter)
        }
    }
}
