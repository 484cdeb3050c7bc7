import Configuration
import Lookup
import MailSyntax

/// Which domains are this system's own: mydestination, and literals of its addresses.
public struct LocalDomains: Sendable {
    private let destinations: DomainList
    private let origin: String
    private let addresses: Set<IPAddress>

    public init(_ parameters: Parameters, opener: TableOpener) {
        destinations = DomainList(
            parameters["mydestination"], name: "mydestination", opener: opener,
            parentsMatch: ParentDomains.match(
                feature: "mydestination", in: parameters["parent_domain_matches_subdomains"]))
        origin = parameters["myorigin"]
        addresses = Set(parameters.ownAddresses.compactMap { IPAddress(bytes: $0) })
    }

    /// Mail for the domain is delivered by local_transport.
    /// - Throws: a table of mydestination cannot answer.
    public func contains(_ domain: String) async throws(LookupError) -> Bool {
        let name = domain.utf8.last == 0x2E ? String(domain.dropLast()) : domain
        if name.utf8.first == 0x5B {
            guard let address = IPAddress.literal(name) else { return false }
            return addresses.contains(address)
        }
        return try await destinations.matches(name)
    }

    /// Lookup tables may list users of the domain by local part alone (canonical(5), virtual(5)).
    public func mayOmitDomain(_ domain: String) async throws(LookupError) -> Bool {
        if ASCII.equalIgnoringCase(domain, origin) { return true }
        return try await contains(domain)
    }
}
