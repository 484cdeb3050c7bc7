import Configuration
import Lookup
import MailSyntax
import Routing

/// Where the harnesses for addresses are at home.
enum HarnessHome {
    static let parameters = Parameters(values: [
        "mydomain": "localdomain", "myorigin": "localdomain", "mydestination": "localhost.localdomain",
        "myhostname": "localhost.localdomain", "recipient_delimiter": "+", "inet_interfaces": "localhost",
    ])
}

/// The order in which tables are asked for the parts of an address.
enum AddressLookupHarness {
    static func run(_ console: Console) async {
        let opener = TableOpener(settings: TableSettings(), log: console.log)
        let local = LocalDomains(HarnessHome.parameters, opener: opener)
        var maps = Maps(tables: [], log: console.log)
        for line in console.lines() {
            if line.hasPrefix("#") { continue }
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard let command = parts.first else { continue }
            let operand = parts.count > 1 ? parts[1] : ""
            switch command {
            case "echo": console.print(operand)
            case "maps":
                maps = Maps(operand, opener: opener)
                console.print(operand)
            case "test": await test(operand, maps, local, console)
            default: console.log.warning("bad command: \(line)")
            }
        }
    }

    private static func test(_ operand: String, _ maps: Maps, _ local: LocalDomains, _ console: Console) async {
        let fields = operand.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 5, let form = forms[fields[1]], let strategy = strategy(fields[3]) else {
            return console.log.warning("bad test: \(operand)")
        }
        let address = fields[4]
        let lookup = AddressLookup(
            maps: maps, delimiters: HarnessHome.parameters["recipient_delimiter"], strategy: strategy, form: form,
            isLocal: { domain throws(LookupError) in try await local.mayOmitDomain(domain) })
        var result = "(try again)"
        var tail: String?
        do {
            let match = try await lookup.find(fields[0].hasPrefix("external") ? EmailAddress.unquote(address) : address)
            result =
                match.map { fields[2].hasPrefix("internal") ? EmailAddress.unquote($0.value) : $0.value }
                ?? "(not found)"
            tail = match?.unmatchedExtension
        } catch {}
        console.print("\(fields[0]):\(address) -\(fields[1])-> \(fields[2]):\(result) (\(tail ?? "null extension"))")
        let wanted = fields.count > 5 && !fields[5].isEmpty ? fields[5] : result.hasPrefix("(") ? result : ""
        if result != wanted { console.log.warning("expect result '\(wanted)' but got '\(result)'") }
        if fields.count > 6, !fields[6].isEmpty, tail != fields[6] {
            console.log.warning("expect extension '\(fields[6])' but got '\(tail ?? "")'")
        }
    }

    private static let forms: [String: AddressLookup.KeyForm] = [
        "internal": .unquoted, "external": .quoted, "external-first": .quotedFirst, "internal-first": .unquotedFirst,
    ]

    private static func strategy(_ text: String) -> AddressLookup.Strategy? {
        let names: [String: AddressLookup.Strategy] = [
            "full": .full, "noext": .withoutExtension, "localpart_if_local": .localPartIfLocal,
            "localpart_at_if_local": .localPartAtIfLocal, "at_domain": .atDomain, "domain": .domain, "pdms": .parents,
            "pddms": .dottedParents, "localpart_at": .localPartAt, "default": .standard,
        ]
        var strategy: AddressLookup.Strategy = []
        for word in text.split(separator: "|") {
            guard let part = names[String(word)] else { return nil }
            strategy.formUnion(part)
        }
        return strategy
    }
}
