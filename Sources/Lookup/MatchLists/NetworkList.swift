import MailSyntax

/// A list of host names, addresses and networks: mynetworks, smtpd_client_event_limit_exceptions …
public struct NetworkList: Sendable {
    private let list: PatternList
    private let networks: [String: Network]
    private let parentsMatch: Bool

    private enum Network: Sendable {
        case block(IPNetwork)
        /// What is wrong with the pattern.
        case bad(String)
    }

    public var isEmpty: Bool { list.patterns.isEmpty }

    /// - Parameters:
    ///   - value: names, addresses, `net/mask`, `[ipv6]/mask`, `type:table`, `/file`, each with `!` to exclude.
    ///   - name: the parameter's name, for log lines.
    ///   - parentsMatch: a name also matches its subdomains: the parameter is in `parent_domain_matches_subdomains`.
    public init(_ value: String, name: String, opener: TableOpener, parentsMatch: Bool = false) {
        let list = PatternList(value, name: name, opener: opener)
        var networks: [String: Network] = [:]
        for pattern in list.patterns {
            if case .text(let text) = pattern.kind { networks[text] = Self.network(text) }
        }
        self.list = list
        self.networks = networks
        self.parentsMatch = parentsMatch
    }

    private static func network(_ text: String) -> Network? {
        if text.utf8.contains(UInt8(ascii: "/")) || text.utf8.first == UInt8(ascii: "[") {
            do {
                return .block(try CIDRPattern(text).network)
            } catch {
                return .bad(error.reason)
            }
        }
        return IPAddress(text).map { .block(IPNetwork(base: $0, prefixLength: $0.bytes.count * 8)) }
    }

    /// - Parameters:
    ///   - name: the client's host name, nil when only the address counts.
    ///   - address: the client's address as text; one that is none matches only as text.
    /// - Throws: when a table cannot answer or a pattern is malformed, which has been logged.
    public func matches(name: String?, address: String) async throws(LookupError) -> Bool {
        let name = name.map { CaseFolding.fold($0) }
        let parsed = IPAddress(address)
        return try await list.firstMatch { kind throws(LookupError) in
            if let name, try await DomainList.matches(name, kind, list: list, parentsMatch: parentsMatch) {
                return true
            }
            switch kind {
            case .table(let table), .unreadable(let table):
                return try await list.contains(table, address)
            case .text(let pattern):
                switch networks[pattern] {
                case .block(let block): return parsed.map(block.contains) ?? false
                case nil: return pattern.utf8.elementsEqual(address.utf8)
                case .bad(let reason):
                    list.log.warning("\(list.name): \(reason)")
                    throw LookupError(table: list.name, reason: reason)
                }
            }
        }
    }

    public func matches(address: String) async throws(LookupError) -> Bool {
        try await matches(name: nil, address: address)
    }
}
