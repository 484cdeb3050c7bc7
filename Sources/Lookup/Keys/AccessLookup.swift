import MailSyntax
import MailSystem

/// The keys under which access(5) tables hold clients, names and addresses.
public struct AccessLookup: Sendable {
    private let maps: Maps
    private let parentsMatch: Bool

    /// - Parameter parentsMatch: `smtpd_access_maps` is in `parent_domain_matches_subdomains`.
    public init(table: any LookupTable, parentsMatch: Bool, log: MailLog) {
        self.init(maps: Maps(tables: [table], log: log), parentsMatch: parentsMatch)
    }

    public init(maps: Maps, parentsMatch: Bool) {
        self.maps = maps
        self.parentsMatch = parentsMatch
    }

    /// A host or domain name: itself, then its parents.
    public func find(domain: String) async throws(LookupError) -> String? {
        if let value = try await maps.find(domain) { return value }
        for parent in ParentDomains(of: domain, dotted: !parentsMatch) {
            if let value = try await maps.find(parent, partial: true) { return value }
        }
        return nil
    }

    /// A network address: itself, then with one octet (IPv4) or octet pair (IPv6) less each time.
    public func find(address: String) async throws(LookupError) -> String? {
        if let value = try await maps.find(address) { return value }
        let separator = address.utf8.contains(UInt8(ascii: ":")) ? UInt8(ascii: ":") : UInt8(ascii: ".")
        var rest = address[...].utf8
        while let cut = rest.lastIndex(of: separator) {
            rest = rest[..<cut]
            if rest.isEmpty { break }
            if let value = try await maps.find(String(Substring(rest)), partial: true) { return value }
        }
        return nil
    }

    /// A mail address in internal form: user+ext@domain, user@domain, domain and parents, user+ext@, user@.
    ///
    /// - Parameter delimiters: `recipient_delimiter`.
    public func find(mail address: String, delimiters: String) async throws(LookupError) -> String? {
        let lookup = AddressLookup(
            maps: maps, delimiters: delimiters, strategy: .access(parentsMatch: parentsMatch))
        return try await lookup.find(address)?.value
    }
}
