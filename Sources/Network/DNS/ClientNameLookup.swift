import MailSyntax

/// The host name of an SMTP client, as smtpd reports it.
public struct ClientName: Sendable, Equatable {
    public enum Status: Sendable, Equatable {
        case ok
        /// The DNS did not answer: rejects become 450.
        case temporaryFailure
        /// No name.
        case notFound
        /// The name does not lead back to the address.
        case forged
    }

    /// The verified name, or `unknown`.
    public var name: String
    public var status: Status
    /// The name that the address maps to, verified or not, or `unknown`.
    public var reverseName: String
    public var reverseStatus: Status
    /// Texts to log as warnings.
    public var warnings: [String]

    public init(
        name: String = "unknown", status: Status, reverseName: String = "unknown", reverseStatus: Status,
        warnings: [String] = []
    ) {
        self.name = name
        self.status = status
        self.reverseName = reverseName
        self.reverseStatus = reverseStatus
        self.warnings = warnings
    }
}

/// Finds a client's host name: address to name, then name to address (postconf(5), smtpd_peername_lookup).
public struct ClientNameLookup: Sendable {
    private let lookup: HostLookup

    /// - Parameter lookup: its method is not used: client names are always looked up natively.
    public init(resolver: any Resolver, hosts: HostsFile, families: AddressFamilies) {
        lookup = HostLookup(resolver: resolver, hosts: hosts, families: families, methods: [.native])
    }

    public func name(of address: IPAddress) async -> ClientName {
        let reverse: String
        switch await reverseName(of: address) {
        case .success(let name): reverse = name
        case .failure(let failure):
            return ClientName(status: failure.status, reverseStatus: failure.status)
        }
        let text = address.description
        guard HostName.isValid(reverse) else {
            return ClientName(
                status: .notFound, reverseStatus: .notFound,
                warnings: ["malformed hostname \(reverse) in address->name lookup for \(text)"])
        }
        let mismatch = "hostname \(reverse) does not resolve to address \(text)"
        // The forward look-up asks for the client's own family only, so that a dead AAAA can't hide an A.
        let forward = HostLookup(
            resolver: lookup.resolver, hosts: lookup.hosts,
            families: AddressFamilies(ipv4: address.isIPv4, ipv6: !address.isIPv4), methods: [.native])
        switch await forward.addresses(of: reverse) {
        case .found(let addresses) where addresses.contains(address):
            return ClientName(name: reverse, status: .ok, reverseName: reverse, reverseStatus: .ok)
        case .found:
            return ClientName(status: .forged, reverseName: reverse, reverseStatus: .ok, warnings: [mismatch])
        case .notFound(let failure):
            return ClientName(
                status: .forged, reverseName: reverse, reverseStatus: .ok,
                warnings: ["\(mismatch): \(failure.text)"])
        case .temporaryFailure:
            return ClientName(
                status: .temporaryFailure, reverseName: reverse, reverseStatus: .ok,
                warnings: ["\(mismatch): Temporary failure in name resolution"])
        }
    }

    private struct Failure: Error { var status: ClientName.Status }

    private func reverseName(of address: IPAddress) async -> Result<String, Failure> {
        if let name = lookup.hosts.name(of: address) { return .success(name) }
        switch await lookup.resolver.query(address.reverseName, .ptr) {
        case .records(let records, _):
            for record in records {
                if case .name(let name) = record.data, !name.isEmpty { return .success(name) }
            }
            return .failure(Failure(status: .notFound))
        case .temporaryFailure: return .failure(Failure(status: .temporaryFailure))
        case .noSuchDomain, .noData, .malformed, .filtered, .filterFailure: return .failure(Failure(status: .notFound))
        }
    }
}
