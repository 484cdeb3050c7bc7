/// The keys under which transport(5) tables hold an address: user+ext@domain, user@domain, domain, parents, `*`.
public struct TransportLookup: Sendable {
    private let maps: Maps
    private let lookup: AddressLookup

    /// - Parameters:
    ///   - delimiters: `recipient_delimiter`.
    ///   - parentsMatch: `transport_maps` is in `parent_domain_matches_subdomains`.
    public init(maps: Maps, delimiters: String, parentsMatch: Bool) {
        self.maps = maps
        lookup = AddressLookup(
            maps: maps, delimiters: delimiters, strategy: .transport(parentsMatch: parentsMatch))
    }

    /// - Parameter address: in internal form; for the null address give `transport_null_address_lookup_key`.
    public func find(_ address: String) async throws(LookupError) -> String? {
        if let match = try await lookup.find(address) { return match.value }
        return try await maps.find("*", partial: true)
    }
}
