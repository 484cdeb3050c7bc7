import MailSyntax

/// The address families that inet_protocols allows.
public struct AddressFamilies: Sendable, Equatable {
    public var ipv4: Bool
    public var ipv6: Bool

    public init(ipv4: Bool, ipv6: Bool) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// - Parameter inetProtocols: the parameter's value: `all`, `ipv4`, `ipv6` or a list of them.
    public init(inetProtocols: String) {
        let words = inetProtocols.split { " ,\t".contains($0) }.map { $0.lowercased() }
        ipv4 = words.contains("all") || words.contains("ipv4")
        ipv6 = words.contains("all") || words.contains("ipv6")
        if !ipv4 && !ipv6 { ipv4 = true }
    }

    public func allows(_ address: IPAddress) -> Bool { address.isIPv4 ? ipv4 : ipv6 }
}

/// What a look-up of a host's addresses gave.
public enum HostAddresses: Sendable, Equatable {
    /// At least one.
    case found([IPAddress])
    /// No such name, or no address of an enabled family.
    case notFound(HostLookupFailure)
    /// May work later.
    case temporaryFailure(HostLookupFailure)
}

/// Why a host has no address, in the words of Postfix.
public struct HostLookupFailure: Sendable, Equatable {
    /// `Host not found`, `Name or service not known`.
    public var text: String
    /// What was asked last, nil for a native look-up.
    public var type: RecordType?

    public init(_ text: String, type: RecordType?) {
        self.text = text
        self.type = type
    }

    /// `Host or domain name not found. Name service error for name=x.example type=A: Host not found`
    public func reason(for name: String) -> String {
        guard let type else { return "unable to look up host \(name): \(text)" }
        let label = "\(type)".uppercased()
        return "Host or domain name not found. Name service error for name=\(name) type=\(label): \(text)"
    }
}

/// Addresses of host names, from the DNS, the hosts file, or both.
public struct HostLookup: Sendable {
    public enum Method: Sendable { case dns, native }

    public let resolver: any Resolver
    public let hosts: HostsFile
    public let families: AddressFamilies
    /// In the order of smtp_host_lookup.
    public let methods: [Method]

    public init(
        resolver: any Resolver, hosts: HostsFile = .empty, families: AddressFamilies,
        methods: [Method] = [.dns]
    ) {
        self.resolver = resolver
        self.hosts = hosts
        self.families = families
        self.methods = methods
    }

    /// Addresses of `name`, IPv6 before IPv4 as found; callers order them.
    public func addresses(of name: String) async -> HostAddresses {
        var last = HostAddresses.notFound(.init("Host not found", type: .a))
        for method in methods {
            let result =
                switch method {
                case .dns: await dns(name)
                case .native: await native(name)
                }
            if case .found = result { return result }
            // A temporary failure of one method outweighs "not found" of another.
            if case .temporaryFailure = last { continue }
            last = result
        }
        return last
    }

    /// As getaddrinfo(3) with `hosts: files dns`: hosts file, then DNS, with the search list for names without a dot.
    private func native(_ name: String) async -> HostAddresses {
        let listed = hosts.addresses(of: name).filter(families.allows)
        if !listed.isEmpty { return .found(listed) }
        if !name.contains(".") {
            for domain in hosts.searchList {
                let answer = native(await dns("\(name).\(domain)"))
                if case .notFound = answer { continue }
                return answer
            }
        }
        return native(await dns(name))
    }

    /// The texts of getaddrinfo(3).
    private func native(_ answer: HostAddresses) -> HostAddresses {
        switch answer {
        case .found: answer
        case .notFound(let failure):
            .notFound(
                .init(
                    failure.text.hasPrefix("Host found")
                        ? "No address associated with hostname" : "Name or service not known", type: nil))
        case .temporaryFailure: .temporaryFailure(.init("Temporary failure in name resolution", type: nil))
        }
    }

    private func dns(_ name: String) async -> HostAddresses {
        async let six = families.ipv6 ? resolver.query(name, .aaaa) : nil
        async let four = families.ipv4 ? resolver.query(name, .a) : nil
        let answers = await [six, four].compactMap { $0 }
        var found: [IPAddress] = []
        for case .records(let records, _) in answers {
            for record in records {
                switch record.data {
                case .a(let address), .aaaa(let address): found.append(address)
                default: break
                }
            }
        }
        if !found.isEmpty { return .found(found) }
        var text = "Host not found"
        // Both types were asked; Postfix reports the one it asks last.
        let type: RecordType = families.ipv6 ? .aaaa : .a
        for answer in answers {
            switch answer {
            case .temporaryFailure: return .temporaryFailure(.init("Host not found, try again", type: type))
            case .malformed(let reason): text = reason
            case .filtered: text = DNSAnswer.filteredText
            case .filterFailure:
                return .temporaryFailure(.init(DNSAnswer.filterFailureText, type: type))
            case .noData: text = "Host found but no data record of requested type"
            case .noSuchDomain, .records: break
            }
        }
        return .notFound(.init(text, type: type))
    }
}
