import DNS
import Lookup
import MailSyntax

/// check_{client,reverse_client_hostname,helo,sender,recipient}_{a,mx,ns}_access: the hosts that serve a domain, by name
/// and by address. The client chooses the domain, so tables may refuse here, not permit.
struct HostServersAccess: Restriction {
    enum Servers: Sendable { case addresses, mail, names }
    enum Source: Sendable {
        case client, reverseClient, helo
        case address(AddressRole)
    }

    let table: AccessTable
    let servers: Servers
    let source: Source

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let (subject, domain) = subject(check.facts), !domain.isEmpty, domain != "unknown" else { return .dunno }
        if let literal = IPAddress.literal(domain) {
            return await look(check, subject, address: literal)
        }
        guard let hosts = await hosts(check, subject, domain) else { return .dunno }
        for host in hosts {
            let lookup = table.lookup
            let outcome = await table.act(check, subject: subject, key: host, okAllowed: false) {
                () throws(LookupError) in try await lookup.find(domain: host)
            }
            if outcome != .dunno { return outcome }
            for address in await addresses(check, subject, host) {
                let outcome = await look(check, subject, address: address)
                if outcome != .dunno { return outcome }
            }
        }
        return .dunno
    }

    private func subject(_ facts: SessionFacts) -> (Subject, String)? {
        switch source {
        case .client:
            return (Subject(name: facts.client.nameAndAddress, label: Subject.clientLabel), facts.client.name)
        case .reverseClient:
            return (
                Subject(name: facts.client.reverseName, label: Subject.reverseClientLabel), facts.client.reverseName
            )
        case .helo:
            return facts.helo.map { (Subject(name: $0, label: Subject.heloLabel), $0) }
        case .address(let role):
            guard let address = role.address(facts), let domain = EmailAddress.domain(address) else { return nil }
            return (Subject(name: address, label: role.label), domain)
        }
    }

    private func look(_ check: Evaluation, _ subject: Subject, address: IPAddress) async -> Outcome {
        let text = address.description
        let lookup = table.lookup
        return await table.act(check, subject: subject, key: text, okAllowed: false) { () throws(LookupError) in
            try await lookup.find(address: text)
        }
    }

    /// The hosts, nil when they cannot be known (which is logged).
    private func hosts(_ check: Evaluation, _ subject: Subject, _ domain: String) async -> [String]? {
        switch servers {
        case .addresses: return [domain]
        case .mail:
            let answer = await check.environment.resolver.query(domain, .mx)
            switch answer {
            case .records(let records, _):
                let hosts = records.compactMap { record -> String? in
                    if case .mx(_, let host) = record.data, !host.isEmpty, host != "." { return host }
                    return nil
                }
                return hosts
            case .noData, .noSuchDomain: return [domain]
            case .temporaryFailure, .malformed, .filtered, .filterFailure:
                check.warn("Unable to look up MX host for \(domain): \(answer.trouble ?? "")")
                return nil
            }
        case .names:
            var name = domain[...]
            while true {
                if case .records(let records, _) = await check.environment.resolver.query(String(name), .ns) {
                    return records.compactMap { if case .name(let host) = $0.data { host } else { nil } }
                }
                guard let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")) else { break }
                name = name[name.utf8.index(after: dot)...]
                if !name.utf8.contains(UInt8(ascii: ".")) { break }
            }
            check.warn("Unable to look up NS host for \(domain): Host not found")
            return nil
        }
    }

    private func addresses(_ check: Evaluation, _ subject: Subject, _ host: String) async -> [IPAddress] {
        let found = await HostAddresses.find(host, check.environment.resolver)
        if found.addresses.isEmpty {
            let kind =
                switch servers {
                case .addresses: "A"
                case .mail: "MX"
                case .names: "NS"
                }
            check.warn(
                "Unable to look up \(kind) host \(host) for \(subject.label) \(subject.name): \(found.reason)")
        }
        return found.addresses
    }
}

/// The A and AAAA records of a name.
enum HostAddresses {
    static func find(_ host: String, _ resolver: any Resolver) async -> (addresses: [IPAddress], reason: String) {
        var addresses: [IPAddress] = []
        var reason = "Name or service not known"
        for type in [RecordType.a, .aaaa] {
            let answer = await resolver.query(host, type)
            switch answer {
            case .records(let records, _):
                for record in records {
                    switch record.data {
                    case .a(let address), .aaaa(let address): addresses.append(address)
                    default: break
                    }
                }
            case .noSuchDomain, .noData: break
            case .temporaryFailure, .malformed, .filtered, .filterFailure: reason = answer.trouble ?? reason
            }
        }
        return (addresses, reason)
    }
}
