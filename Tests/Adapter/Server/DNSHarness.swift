import DNS
import Lookup
import MailSyntax

enum DNSHarness {
    private static let types: [String: DNS.RecordType] = [
        "a": .a, "aaaa": .aaaa, "mx": .mx, "ns": .ns, "cname": .cname, "ptr": .ptr, "txt": .txt, "soa": .soa,
        "srv": .srv,
        "tlsa": .tlsa,
    ]

    private static func address(_ record: DNSRecord) -> IPAddress? {
        switch record.data {
        case .a(let address), .aaaa(let address): address
        default: nil
        }
    }

    private static func addresses(_ type: DNS.RecordType, _ name: String, _ console: Console) async -> [IPAddress] {
        switch await ZoneResolver().query(name, type) {
        case .records(let records, _): return records.compactMap(address)
        default:
            console.fatal("\(name): no \(type) record")
        }
    }

    /// `[-f FILTER] [-n] [-p] TYPES NAME`
    static func lookup(_ console: Console) async {
        var arguments = console.arguments[...]
        var filter: String?
        var showsZone = false
        while let option = arguments.first, option.hasPrefix("-") {
            arguments.removeFirst()
            if option == "-f" { filter = arguments.popFirst() }
            if option == "-n" { showsZone = true }
        }
        guard arguments.count == 2, let list = arguments.first, let name = arguments.last else {
            console.fatal("usage: test_dns_lookup [-npv] [-f filter] types name")
        }
        let zone = ZoneResolver()
        var resolver: any Resolver = zone
        if let filter {
            let maps = Maps(filter, opener: TableOpener(settings: TableSettings(), log: console.log))
            resolver = FilteredResolver(zone, name: "DNS reply filter", log: console.log) { try await maps.find($0) }
        }
        var trouble: (DNS.RecordType, DNSAnswer)?
        for word in list.split(separator: ",") {
            guard let type = types[word.lowercased()] else { console.fatal("unknown type: \(word)") }
            let answer = await resolver.query(name, type)
            if case .records(let records, _) = answer, !isNullMX(records) {
                return show(name, name, records, type, console)
            }
            trouble = (type, answer)
        }
        guard let (type, answer) = trouble else { return }
        explain(name, type, answer, console)
        if showsZone, let (owner, record) = zone.zone(of: name) { show(name, owner, [record], .soa, console) }
        console.flush()
    }

    private static func isNullMX(_ records: [DNSRecord]) -> Bool {
        guard records.count == 1, case .mx(_, let host) = records[0].data else { return false }
        return host.isEmpty || host == "."
    }

    private static func show(
        _ name: String, _ owner: String, _ records: [DNSRecord], _ type: DNS.RecordType, _ console: Console
    ) {
        console.print("\(name): fqdn: \(owner)")
        for record in records { console.print("ad: 0, rr: \(RecordText.line(owner: owner, record, type: type))") }
    }

    private static func explain(_ name: String, _ type: DNS.RecordType, _ answer: DNSAnswer, _ console: Console) {
        let label = "\(type)".uppercased()
        let prefix = "Host or domain name not found. Name service error for name=\(name) type=\(label)"
        switch answer {
        case .noSuchDomain: console.log.warning("\(prefix): Host not found (rcode=3)")
        case .noData: console.log.warning("\(prefix): Host found but no data record of requested type (rcode=0)")
        case .records: console.log.warning("Domain \(name) does not accept mail (nullMX) (rcode=0)")
        case .temporaryFailure, .malformed: console.log.warning("\(prefix): \(answer.trouble ?? "") (rcode=2)")
        case .filtered, .filterFailure:
            console.log.warning("Error looking up name=\(name) type=\(label): \(answer.trouble ?? "") (rcode=0)")
        }
    }

    /// `TYPE NAME ...`
    static func addresses(_ console: Console) async {
        var rest = console.arguments[...]
        while let type = rest.popFirst().flatMap({ types[$0.lowercased()] }), let name = rest.popFirst() {
            for address in await addresses(type, name, console) { console.print("\(name) -> \(address)") }
        }
    }

    /// `TYPE NAME PORT ...`
    static func endpoints(_ console: Console) async {
        var rest = console.arguments[...]
        while let type = rest.popFirst().flatMap({ types[$0.lowercased()] }), let name = rest.popFirst(),
            let port = rest.popFirst()
        {
            for address in await addresses(type, name, console) {
                console.print("\(name) \(port) -> \(address) \(port)")
            }
        }
    }

    private static func all(_ name: String) async -> [IPAddress] {
        let resolver = ZoneResolver()
        let lookup = HostLookup(resolver: resolver, families: AddressFamilies(ipv4: true, ipv6: true))
        guard case .found(let addresses) = await lookup.addresses(of: name) else { return [] }
        return addresses.filter(\.isIPv4) + addresses.filter { !$0.isIPv4 }
    }

    /// `NAME ...`
    static func hosts(_ console: Console) async {
        for name in console.arguments {
            for address in await all(name) { console.print("\(name) -> \(address)") }
        }
    }

    /// `NAME ADDRESS ...`
    static func compare(_ console: Console) async {
        var rest = console.arguments[...]
        while let name = rest.popFirst(), let text = rest.popFirst() {
            guard let wanted = IPAddress(text) else { console.fatal("bad address: \(text)") }
            for address in await all(name) {
                let verdict = address == wanted ? "yes" : "no"
                console.print("\(address) =?= \(wanted)")
                console.print("tested by function: \(verdict)")
                console.print("tested by macro:    \(verdict)")
            }
        }
    }
}
