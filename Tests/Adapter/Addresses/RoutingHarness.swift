import Configuration
import Glibc
import Lookup
import MailSyntax
import Routing

enum RoutingHarness {
    private static func parameters(_ console: Console) -> Parameters {
        let directory = getenv("MAIL_CONFIG").map { String(cString: $0) } ?? "."
        do throws(ConfigurationError) {
            return try Parameters.load(directory: directory)
        } catch {
            console.fatal("\(error)")
        }
    }

    /// `RULE ADDRESS`
    static func rewrite(_ console: Console) async {
        let rewriter = AddressRewriter(parameters(console))
        for line in console.lines() {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2, let context = RewriteContext(rawValue: parts[0]) else { continue }
            let result = rewriter.rewriteExternal(AddressScanner.tokens(parts[1].utf8), context: context)
            show([("rule", parts[0]), ("address", parts[1]), ("result", result)], console)
        }
    }

    /// `CLASS ADDRESS`
    static func resolve(_ console: Console) async {
        let parameters = parameters(console)
        let opener = TableOpener(parameters: parameters, log: console.log)
        let delivery = AddressResolver(parameters, opener: opener, log: console.log)
        let verification = AddressResolver(parameters, opener: opener, log: console.log, purpose: .verification)
        for line in console.lines() {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let address = parts.count > 1 ? parts[1] : ""
            let resolver = parts[0] == "verify" ? verification : delivery
            let result = await resolver.resolve(sender: "", recipient: address)
            show(
                [
                    ("class", parts[0]), ("address", address),
                    ("transport", result.problem == nil ? result.transport : "CHANNEL NOT UPDATED"),
                    ("nexthop", result.problem == nil ? result.nexthop : "NEXTHOP NOT UPDATED"),
                    ("recipient", result.recipient), ("flags", flags(result)),
                ], console)
        }
    }

    private static func flags(_ result: Resolution) -> String {
        var names: [String] = []
        if result.isInvalid { names.append("FLAG_ERROR") }
        if result.isDeferred { names.append("FLAG_FAIL") }
        if result.isRouted { names.append("FLAG_ROUTED") }
        switch result.addressClass {
        case .local: names.append("CLASS_LOCAL")
        case .virtualAlias: names.append("CLASS_ALIAS")
        case .virtualMailbox: names.append("CLASS_VIRTUAL")
        case .relay: names.append("CLASS_RELAY")
        case .default: names.append("CLASS_DEFAULT")
        }
        return names.map { $0 + " " }.joined()
    }

    private static func show(_ fields: [(String, String)], _ console: Console) {
        for (name, value) in fields {
            console.print(name + String(repeating: " ", count: max(1, 11 - name.utf8.count)) + value)
        }
        console.print("")
    }

    /// The argument is a transport(5) table.
    static func transport(_ console: Console) async {
        let parameters = HarnessHome.parameters
        let opener = TableOpener(settings: TableSettings(), log: console.log)
        let lookup = TransportLookup(
            maps: Maps(console.arguments.first ?? "", opener: opener), delimiters: parameters["recipient_delimiter"],
            parentsMatch: ParentDomains.match(feature: "transport_maps", parameters: parameters))
        for line in console.lines() {
            guard let address = line.split(separator: ":").first.map(String.init) else { continue }
            let domain = EmailAddress.domain(address) ?? ""
            var text = "(try again)"
            do {
                var choice = TransportSpecification("DEFAULT:\(domain)")
                let value = try await lookup.find(address)
                if let value { choice.apply(value, domain: domain) }
                text = value == nil ? "(not found)" : "\(choice.transport):\(choice.nexthop) "
            } catch {}
            console.print("\(address):\(domain) -> \(text)")
        }
    }
}
