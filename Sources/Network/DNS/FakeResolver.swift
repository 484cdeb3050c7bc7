import MailSyntax
import NIOConcurrencyHelpers

/// A resolver with answers from memory, for tests and the simulator. Names fold case; a name that was never added does not
/// exist, one with records of other types has no data.
public final class FakeResolver: Resolver {
    private struct Key: Hashable {
        var name: String
        var type: RecordType
    }

    private let answers = NIOLockedValueBox<[Key: DNSAnswer]>([:])
    private let log = NIOLockedValueBox<[String]>([])

    public init() {}

    /// Queries so far, `name type`.
    public var asked: [String] { log.withLockedValue { $0 } }

    /// Adds one record to the answer for `name`.
    public func add(_ name: String, _ data: RecordData, timeToLive: Int = 300) {
        let type: RecordType =
            switch data {
            case .a: .a
            case .aaaa: .aaaa
            case .mx: .mx
            case .name: .ptr
            case .text: .txt
            case .srv: .srv
            case .tlsa: .tlsa
            case .soa: .soa
            }
        let record = DNSRecord(data: data, timeToLive: timeToLive)
        answers.withLockedValue { table in
            let key = Key(name: name.lowercased(), type: type)
            if case .records(let old, let secure) = table[key] {
                table[key] = .records(old + [record], secure: secure)
            } else {
                table[key] = .records([record], secure: false)
            }
        }
    }

    /// Adds A and AAAA records from text. Texts that are no addresses are ignored.
    public func addHost(_ name: String, _ addresses: String...) {
        for text in addresses {
            guard let address = IPAddress(text) else { continue }
            add(name, address.isIPv4 ? .a(address) : .aaaa(address))
        }
    }

    /// Makes an address and a name lead to each other.
    public func addClient(_ address: String, _ name: String) {
        guard let parsed = IPAddress(address) else { return }
        add(parsed.reverseName, .name(name))
        addHost(name, address)
    }

    /// Sets the whole answer, for instance a temporary failure.
    public func set(_ name: String, _ type: RecordType, _ answer: DNSAnswer) {
        answers.withLockedValue { $0[Key(name: name.lowercased(), type: type)] = answer }
    }

    public func query(_ name: String, _ type: RecordType) async -> DNSAnswer {
        var folded = name.lowercased()
        if folded.hasSuffix(".") { folded.removeLast() }
        log.withLockedValue { $0.append("\(folded) \(type)") }
        return answers.withLockedValue { table in
            if let answer = table[Key(name: folded, type: type)] { return answer }
            let exists = table.keys.contains { $0.name == folded }
            return exists ? .noData : .noSuchDomain
        }
    }
}
