import Configuration
import DNS
import Lookup
import MailSyntax
import MailSystem
import TestSupport

@testable import Receive

/// Runs dialogues in a small language: `client NAME ADDRESS [2|4|5|6]`, `helo NAME`, `mail ADDRESS`, `rcpt ADDRESS`,
/// `etrn DOMAIN`, `data`, `eod`, `client_restrictions LIST` … and any `parameter value`. It prints what would be logged
/// and then the reply or OK, as Postfix's own test program for its restrictions does.
final class ScriptRunner {
    private var values: [String: String] = [
        "mynetworks": "", "relay_domains": "", "local_recipient_maps": "", "virtual_alias_maps": "",
        "mydestination": "", "smtpd_relay_restrictions": "", "inet_interfaces": "127.0.0.1", "alias_maps": "",
        "compatibility_level": "3.6", "recipient_delimiter": "",
    ]
    private let resolver: ZoneResolver
    private let sink = MemoryLogSink()
    private var facts: SessionFacts
    private var memory = RestrictionMemory()
    private(set) var output: [String] = []
    private var cached: (any RestrictionChecker)?

    init(zone: String) {
        resolver = ZoneResolver(zone)
        facts = SessionFacts(
            client: Self.client("localhost", "127.0.0.1", "2"), serverAddress: "127.0.0.1", serverPort: "25")
    }

    func run(_ script: String) async {
        for line in script.split(separator: "\n", omittingEmptySubsequences: true) {
            output.append(">>> \(line)")
            if line.hasPrefix("#") { continue }
            await command(String(line))
        }
    }

    private static let lists = ["client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn"]

    private func command(_ line: String) async {
        let words = ListSyntax.split(line.replacing(",", with: "\u{1}")).map { $0.replacing("\u{1}", with: ",") }
        guard let name = words.first else { return }
        let argument = words.dropFirst().joined(separator: " ")
        let address = argument.hasPrefix("<") ? String(argument.dropFirst().dropLast()) : argument
        switch name {
        case "client":
            facts.client = Self.client(words[1], words[2], words.count > 3 ? words[3] : nil)
            memory = RestrictionMemory()
            await check(.connect, "CONNECT")
        case "helo":
            facts.helo = argument
            await check(.helo, "HELO")
        case "mail":
            memory.mail = [:]
            facts.sender = address
            facts.recipient = nil
            await check(.mail, "MAIL")
        case "rcpt":
            facts.recipient = address
            await check(.recipient, "RCPT")
            facts.recipient = nil
        case "etrn":
            facts.etrnDomain = argument
            await check(.etrn, "ETRN")
        case "data": await check(.data, "DATA")
        case "eod": await check(.endOfData, "END-OF-MESSAGE")
        case "login":
            facts.saslUsername = argument.isEmpty ? nil : argument
            facts.saslMethod = facts.saslUsername == nil ? nil : "PLAIN"
            output.append("OK")
        case "flush_dnsxl_cache": output.append("OK")
        case "restriction_class":
            let parts = argument.split(separator: ",", maxSplits: 1)
            values["smtpd_restriction_classes", default: ""] += " \(parts[0])"
            set(String(parts[0]), String(parts[1]))
        default:
            if let list = Self.lists.first(where: { name == "\($0)_restrictions" }) {
                set(
                    "smtpd_\(list)_restrictions",
                    argument.hasPrefix("{") ? String(argument.dropFirst().dropLast()) : argument)
            } else if ParameterCatalogue.definition(name) != nil {
                let isBoolean = ParameterCatalogue.definition(name)?.kind == .boolean
                set(name, isBoolean ? (argument == "1" ? "yes" : "no") : argument)
            } else {
                output.append("bad command")
            }
        }
    }

    private func set(_ name: String, _ value: String) {
        values[name] = value
        cached = nil
        output.append("OK")
    }

    private func check(_ stage: RestrictionStage, _ name: String) async {
        facts.stage = name
        sink.removeAll()
        let engine: any RestrictionChecker
        do {
            engine = try cached ?? makeEngine()
            cached = engine
        } catch {
            output.append("fatal: \(error)")
            return
        }
        let verdict = await engine.check(stage, facts, &memory)
        output += sink.texts
        output += verdict.warnings.map { "warning: \($0)" }
        for event in verdict.events { output.append(logLine(event.verb, event.text)) }
        if let reply = verdict.refusal {
            output.append(logLine("reject", reply.text))
            output.append(reply.text)
        } else {
            output.append(verdict.hangUp ? "HANGUP" : "OK")
        }
    }

    private func makeEngine() throws -> any RestrictionChecker {
        let parameters = Parameters(values: values)
        let opener = TableOpener(settings: TableSettings(), log: MailLog(tag: "postfix/smtpd", sink: sink))
        return try RestrictionEngine(
            parameters: parameters, opener: opener, resolver: resolver,
            classifier: ClassByDomain(parameters, opener), guardsRelay: false)
    }

    /// An engine as a service makes it, relay guard included.
    static func engine(_ values: [String: String]) throws -> RestrictionEngine {
        let parameters = Parameters(values: values.merging(["compatibility_level": "3.6"]) { first, _ in first })
        let opener = TableOpener(
            settings: TableSettings(), log: MailLog(tag: "postfix/smtpd", sink: MemoryLogSink()))
        return try RestrictionEngine(
            parameters: parameters, opener: opener, resolver: ZoneResolver(""),
            classifier: ClassByDomain(parameters, opener))
    }

    private func logLine(_ verb: String, _ text: String) -> String {
        var line = "<queue id>: \(verb): \(facts.stage) from \(facts.client.nameAndAddress): \(text);"
        if let sender = facts.sender { line += " from=<\(sender)>" }
        if let recipient = facts.recipient { line += " to=<\(recipient)>" }
        line += " proto=SMTP"
        if let helo = facts.helo { line += " helo=<\(helo)>" }
        return line
    }

    private static func client(_ name: String, _ address: String, _ code: String?) -> ClientIdentity {
        let status: NameStatus =
            switch code ?? (name == "unknown" ? "4" : "2") {
            case "2": .ok
            case "4": .temporary
            default: .permanent
            }
        return ClientIdentity(
            name: name, nameStatus: status, reverseName: name, reverseStatus: status, address: address,
            ip: IPAddress(address), port: "1234")
    }
}

/// The class of an address from its domain only.
struct ClassByDomain: AddressClassifier {
    private let lists: [(DomainList, AddressClassification.Class)]

    init(_ parameters: Parameters, _ opener: TableOpener) {
        lists = [
            ("mydestination", AddressClassification.Class.local), ("virtual_alias_domains", .virtualAlias),
            ("virtual_mailbox_domains", .virtualMailbox), ("relay_domains", .relay),
        ].map { (DomainList(parameters[$0.0], name: $0.0, opener: opener, parentsMatch: true), $0.1) }
    }

    func classify(_ address: String, sender: String) async -> AddressClassification? {
        let (local, domain) = EmailAddress.split(address)
        let routed = local.utf8.contains(UInt8(ascii: "@")) || local.utf8.contains(UInt8(ascii: "%"))
        for (list, addressClass) in lists {
            do {
                if try await list.matches(domain ?? "") {
                    return AddressClassification(addressClass: addressClass, address: address, isSourceRouted: routed)
                }
            } catch {
                return nil
            }
        }
        return AddressClassification(
            addressClass: domain == nil ? .local : .other, address: address, isSourceRouted: routed)
    }
}

/// Answers from lines `NAME TYPE DATA`; TYPE `SERVFAIL` makes a name unanswerable.
struct ZoneResolver: Resolver {
    private var records: [String: [(RecordType, RecordData)]] = [:]
    private var broken: Set<String> = []
    private var wildcards: [(String, RecordType, RecordData)] = []

    init(_ zone: String) {
        for line in zone.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            guard words.count >= 2 else { continue }
            let name = ASCII.lowercased(words[0])
            let data = words.count > 2 ? words[2] : ""
            if words[1] == "SERVFAIL" { broken.insert(name) }
            guard let (type, value) = Self.record(words[1], data) else {
                records[name, default: []] += []
                continue
            }
            if name.hasPrefix("*.") {
                wildcards.append((String(name.dropFirst()), type, value))
            } else {
                records[name, default: []].append((type, value))
            }
        }
    }

    private static func record(_ type: String, _ data: String) -> (RecordType, RecordData)? {
        func bare(_ name: String) -> String { name.count > 1 && name.hasSuffix(".") ? String(name.dropLast()) : name }
        switch type {
        case "A": return IPAddress(data).map { (.a, .a($0)) }
        case "AAAA": return IPAddress(data).map { (.aaaa, .aaaa($0)) }
        case "MX":
            let parts = data.split(separator: " ")
            return (.mx, .mx(preference: UInt16(parts[0]) ?? 0, host: bare(String(parts[1]))))
        case "NS": return (.ns, .name(bare(data)))
        case "TXT": return (.txt, .text(data))
        default: return nil
        }
    }

    func query(_ name: String, _ type: RecordType) async -> DNSAnswer {
        let key = ASCII.lowercased(name)
        if broken.contains(key) { return .temporaryFailure("Host not found, try again") }
        var found = (records[key] ?? []).filter { $0.0 == type }.map(\.1)
        var exists = records[key] != nil || records.keys.contains { $0.hasSuffix("." + key) }
        if records[key] == nil {
            for (suffix, wildcardType, data) in wildcards where key.hasSuffix(suffix) {
                exists = true
                if wildcardType == type { found.append(data) }
            }
        }
        if !found.isEmpty {
            return .records(found.map { DNSRecord(data: $0, timeToLive: 3600) }, secure: false)
        }
        return exists ? .noData : .noSuchDomain
    }
}
