import DNS
import MailSyntax

/// One address to connect to.
struct Server: Sendable, Equatable {
    var host: String
    var address: IPAddress
    var preference: Int
}

/// Finds the servers of a destination, in the order in which to try them (RFC 5321 §5.1).
struct ServerList: Sendable {
    let settings: ClientSettings
    let lookup: HostLookup
    /// Addresses that are this system.
    let own: Set<IPAddress>

    enum Outcome: Sendable, Equatable {
        case servers([Server])
        case failed(ServerFailure)
        /// The best MX is this system: best_mx_transport, or a loop.
        case loops(ServerFailure)
    }

    /// Servers of a `.domain`.
    func exchangers(of domain: String, detectsLoops: Bool, using random: inout some RandomNumberGenerator) async
        -> Outcome
    {
        guard settings.looksUpDNS else { return await addresses(of: domain, detectsLoops: detectsLoops) }
        if let address = IPAddress(domain) { return .servers([Server(host: domain, address: address, preference: 0)]) }
        let prefix = "Host or domain name not found. Name service error for name=\(domain) type=MX"
        switch await lookup.resolver.query(domain, .mx) {
        case .records(let records, _):
            var hosts: [(host: String, preference: Int)] = []
            for record in records {
                guard case .mx(let preference, let host) = record.data else { continue }
                hosts.append((host, Int(preference)))
            }
            if hosts.count == 1, hosts[0].host.isEmpty {
                return .failed(.init(status: "5.1.0", reason: "Domain \(domain) does not accept mail (nullMX)"))
            }
            return await resolve(hosts.filter { !$0.host.isEmpty }, domain, detectsLoops, using: &random)
        case .noData, .noSuchDomain:
            return await addresses(of: domain, detectsLoops: detectsLoops, using: &random)
        case .temporaryFailure, .filterFailure:
            if settings.ignoresMXLookupErrors { return await addresses(of: domain, detectsLoops: detectsLoops) }
            return .failed(.init(status: "4.4.3", reason: "\(prefix): Host not found, try again"))
        case .malformed(let text):
            if settings.ignoresMXLookupErrors { return await addresses(of: domain, detectsLoops: detectsLoops) }
            return .failed(.init(status: "5.4.4", reason: "\(prefix): \(text)"))
        case .filtered:
            return .failed(
                .init(status: "5.4.4", reason: "Error looking up name=\(domain) type=MX: \(DNSAnswer.filteredText)"))
        }
    }

    /// Servers of a `.host`.
    func addresses(of host: String, detectsLoops: Bool) async -> Outcome {
        var random = SystemRandomNumberGenerator()
        return await addresses(of: host, detectsLoops: detectsLoops, using: &random)
    }

    func addresses(of host: String, detectsLoops: Bool, using random: inout some RandomNumberGenerator) async -> Outcome
    {
        var servers: [Server]
        switch await addresses(of: host) {
        case .success(let found): servers = found.map { Server(host: host, address: $0, preference: 0) }
        case .failure(let failure): return .failed(failure)
        }
        if detectsLoops, servers.contains(where: { own.contains($0.address) }) {
            return .loops(.init(status: "5.4.6", reason: "mail for \(host) loops back to myself"))
        }
        order(&servers, using: &random)
        return .servers(servers)
    }

    private func addresses(of host: String) async -> Result<[IPAddress], ServerFailure> {
        if let address = IPAddress(host) {
            guard lookup.families.allows(address) else {
                let type = address.isIPv4 ? "A" : "AAAA"
                return .failure(
                    .init(
                        status: "5.4.4",
                        reason: "Host or domain name not found. Name service error for name=\(host) type=\(type): "
                            + "Host not found"))
            }
            return .success([address])
        }
        switch await lookup.addresses(of: host) {
        case .found(let addresses): return .success(addresses)
        case .notFound(let why): return .failure(.init(status: "5.4.4", reason: why.reason(for: host)))
        case .temporaryFailure(let why): return .failure(.init(status: "4.4.3", reason: why.reason(for: host)))
        }
    }

    private func resolve(
        _ hosts: [(host: String, preference: Int)], _ domain: String, _ detectsLoops: Bool,
        using random: inout some RandomNumberGenerator
    ) async -> Outcome {
        let sorted = hosts.sorted { $0.preference < $1.preference }
        var servers: [Server] = []
        var last: ServerFailure?
        // A domain may list a hundred hosts: ask for a few at a time, best first.
        for start in stride(from: 0, to: sorted.count, by: 8) {
            let some = sorted[start..<min(start + 8, sorted.count)]
            let found = await withTaskGroup(of: (Int, Result<[IPAddress], ServerFailure>).self) { group in
                for (offset, host) in some.enumerated() {
                    group.addTask { (offset, await addresses(of: host.host)) }
                }
                var results: [Int: Result<[IPAddress], ServerFailure>] = [:]
                for await (offset, result) in group { results[offset] = result }
                return results
            }
            for (offset, host) in some.enumerated() {
                switch found[offset] {
                case .success(let addresses):
                    servers += addresses.map { Server(host: host.host, address: $0, preference: host.preference) }
                case .failure(let failure):
                    if last == nil || last?.isPermanent == true { last = failure }
                case nil: break
                }
            }
            if servers.count >= 200 { break }
        }
        guard !servers.isEmpty else {
            var failure = last ?? .init(status: "5.4.4", reason: "unable to find primary relay for \(domain)")
            if failure.isPermanent, settings.defersWithoutMXAddress {
                failure.status = "4" + failure.status.dropFirst()
            }
            return .failed(failure)
        }
        if detectsLoops, let mine = servers.filter({ own.contains($0.address) }).map(\.preference).min() {
            // Only servers that are better than this one may get the mail (RFC 5321 §5.1).
            servers.removeAll { $0.preference >= mine }
            if servers.isEmpty {
                return .loops(.init(status: "5.4.6", reason: "mail for \(domain) loops back to myself"))
            }
        }
        order(&servers, using: &random)
        return .servers(servers)
    }

    /// By preference; equals in random order (smtp_randomize_addresses) with the preferred family first, then cut to the
    /// address limit so that both families get a chance (smtp_balance_inet_protocols).
    func order(_ servers: inout [Server], using random: inout some RandomNumberGenerator) {
        if settings.randomizes { servers.shuffle(using: &random) }
        let preferred = settings.addressPreference
        func rank(_ server: Server) -> Int {
            switch preferred {
            case "ipv4": server.address.isIPv4 ? 0 : 1
            case "ipv6": server.address.isIPv4 ? 1 : 0
            default: 0
            }
        }
        servers = servers.enumerated().sorted { left, right in
            (left.element.preference, rank(left.element), left.offset)
                < (right.element.preference, rank(right.element), right.offset)
        }.map(\.element)
        let limit = settings.addressLimit
        guard limit > 0, servers.count > limit else { return }
        if settings.balancesFamilies, limit > 1 {
            let kept = servers[..<limit]
            for isIPv4 in [true, false] where kept.allSatisfy({ $0.address.isIPv4 != isIPv4 }) {
                // The last place goes to the best server of the family that would be left out.
                if let other = servers.first(where: { $0.address.isIPv4 == isIPv4 }) { servers[limit - 1] = other }
            }
        }
        servers.removeSubrange(limit...)
    }
}
