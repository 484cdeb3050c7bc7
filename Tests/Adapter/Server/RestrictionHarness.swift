import Configuration
import DNS
import Glibc
import Lookup
import MailSyntax
import MailSystem
import Receive
import Routing

/// Restrictions without a session. Each command that asks makes the lists anew, so that settings count at once.
final class RestrictionHarness {
    private let console: Console
    /// Opens each table once.
    private let opener: TableOpener
    private let resolver = ZoneResolver()
    private var settings: [String: String] = [
        "mynetworks": "", "mydestination": "", "relay_domains": "", "local_recipient_maps": "",
        "virtual_alias_maps": "",
        "smtpd_client_restrictions": "", "smtpd_helo_restrictions": "", "smtpd_sender_restrictions": "",
        "smtpd_relay_restrictions": "", "smtpd_recipient_restrictions": "", "smtpd_etrn_restrictions": "",
        "smtpd_restriction_classes": "", "inet_protocols": "ipv4",
        "inet_interfaces": "127.0.0.1, 168.100.3.7",
    ]
    private var facts: SessionFacts
    private var memory = RestrictionMemory()

    static func run(_ console: Console) async {
        let harness = RestrictionHarness(console)
        for line in console.lines() {
            console.print(">>> \(line)")
            if line.isEmpty || line.hasPrefix("#") { continue }
            console.print(await harness.execute(line))
        }
    }

    private init(_ console: Console) {
        self.console = console
        opener = TableOpener(settings: TableSettings(), log: console.log)
        facts = SessionFacts(client: Self.client("localhost", "127.0.0.1", 2), serverAddress: "", serverPort: "")
        facts.queueID = "<queue id>"
    }

    private static func client(_ name: String, _ address: String, _ code: Int) -> ClientIdentity {
        let status: NameStatus = code == 2 ? .ok : code == 4 ? .temporary : .permanent
        // A forged name leads to another address, and is still the name that the address has.
        return ClientIdentity(
            name: name, nameStatus: status, reverseName: name, reverseStatus: code == 6 ? .ok : status,
            address: address,
            ip: IPAddress(address), port: "0")
    }

    private func execute(_ line: String) async -> String {
        if line.hasPrefix("!") { return shell(String(line.dropFirst())) }
        let fields = ListSetting.split(line, separator: ListSetting.isSpace)
        guard let command = fields.first else { return "bad command" }
        let operands = fields.dropFirst().map { ListSetting.unbraced($0) ?? $0 }
        switch (command, operands.count) {
        case ("client", 2...3):
            let code = operands.count > 2 ? Int(operands[2]) ?? 2 : operands[0] == "unknown" ? 4 : 2
            facts.client = Self.client(operands[0], operands[1], code)
            return await check(.connect, "CONNECT")
        case ("helo", 1):
            facts.helo = operands[0]
            return await check(.helo, "HELO")
        case ("mail", 1):
            facts.sender = Self.address(operands[0])
            return await check(.mail, "MAIL")
        case ("rcpt", 1):
            facts.recipient = Self.address(operands[0])
            defer { facts.recipient = nil }
            return await check(.recipient, "RCPT")
        case ("etrn", 1):
            facts.etrnDomain = operands[0]
            return await check(.etrn, "ETRN")
        case ("rewrite", 0):
            if let engine = engine() { _ = await engine.headerRewriting(facts) }
            return "OK"
        case ("flush_dnsxl_cache", 0): return "OK"
        case ("fingerprint", 1):
            var tls = TLSFacts(version: "TLSv1.3", cipher: "", cipherBits: 0, algorithmBits: 0)
            tls.fingerprint = operands[0]
            facts.tls = tls
            return "OK"
        case ("restriction_class", 1):
            let parts = operands[0].split(separator: ",", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { return "bad command" }
            settings["smtpd_restriction_classes", default: ""] += " \(parts[0])"
            settings[parts[0]] = parts[1]
            return "OK"
        default: return set(command, operands)
        }
    }

    private func set(_ name: String, _ operands: [String]) -> String {
        let lists = ["client", "helo", "sender", "relay", "recipient", "etrn"].map { "\($0)_restrictions" }
        if lists.contains(name), operands.count == 1 {
            settings["smtpd_\(name)"] = operands[0]
            // Tables are opened when they are named.
            _ = engine()
            return "OK"
        }
        guard operands.count <= 1, let definition = ParameterCatalogue.definition(name) else { return "bad command" }
        let value = operands.first ?? ""
        settings[name] = definition.kind == .boolean ? (value == "0" ? "no" : "yes") : value
        if name.hasSuffix("_maps") || value.contains(":") { _ = engine() }
        return "OK"
    }

    private func shell(_ command: String) -> String {
        console.flush()
        let status = system(command)
        return "exit \(status >> 8 & 0xFF)"
    }

    private static func address(_ text: String) -> String {
        var inside = text[...]
        if inside.hasPrefix("<"), inside.hasSuffix(">") { inside = inside.dropFirst().dropLast() }
        return EmailAddress.unquote(String(inside))
    }

    // MARK: Asking

    private func engine() -> RestrictionEngine? {
        let parameters = Parameters(values: settings)
        var resolver: any Resolver = resolver
        let filter = settings["smtpd_dns_reply_filter"] ?? ""
        if !filter.isEmpty {
            let maps = Maps(filter, opener: opener)
            resolver = FilteredResolver(resolver, name: "smtpd_dns_reply_filter", log: console.log) {
                try await maps.find($0)
            }
        }
        do throws(ConfigurationError) {
            return try RestrictionEngine(
                parameters: parameters, opener: opener, resolver: resolver,
                classifier: DomainClassifier(parameters, opener: opener), guardsRelay: false, defersErrors: true,
                inert: Self.verifications)
        } catch {
            console.log.warning("\(error)")
            return nil
        }
    }

    /// Address verification always succeeds here.
    private static let verifications: Set<String> = [
        "reject_unverified_sender", "reject_unverified_recipient", "reject_unverified_address",
    ]

    private func check(_ stage: RestrictionStage, _ name: String) async -> String {
        facts.stage = name
        guard let engine = engine() else { return "451 4.3.5 Server configuration error" }
        if stage == .mail { memory.mail = [:] }
        let verdict = await engine.check(stage, facts, &memory)
        for warning in verdict.warnings { console.log.warning(warning) }
        let client = facts.client.nameAndAddress
        for event in verdict.events { console.log.info(facts.eventLine(event.verb, event.text, client: client)) }
        memory.mail = memory.mail.filter { $0.key != "discard" }
        guard var refusal = verdict.refusal else { return verdict.hangUp ? "OK" : "OK" }
        if settings["soft_bounce"] == "yes" { refusal = refusal.softened }
        console.log.info(facts.eventLine("reject", refusal.text, client: client))
        return refusal.text
    }
}

/// Classes by domain lists alone.
struct DomainClassifier: AddressClassifier {
    private let lists: [(AddressClassification.Class, DomainList)]

    init(_ parameters: Parameters, opener: TableOpener) {
        let parents = parameters["parent_domain_matches_subdomains"]
        func list(_ name: String) -> DomainList {
            DomainList(
                parameters[name], name: name, opener: opener,
                parentsMatch: ParentDomains.match(feature: name, in: parents))
        }
        lists = [
            (.local, list("mydestination")), (.virtualAlias, list("virtual_alias_domains")),
            (.virtualMailbox, list("virtual_mailbox_domains")), (.relay, list("relay_domains")),
        ]
    }

    func classify(_ address: String, sender: String) async -> AddressClassification? {
        let domain = EmailAddress.domain(address) ?? ""
        for (addressClass, list) in lists {
            guard let matches = try? await list.matches(domain) else { return nil }
            if matches { return AddressClassification(addressClass: addressClass, address: address) }
        }
        return AddressClassification(addressClass: .other, address: address)
    }
}
