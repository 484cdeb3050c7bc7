import Configuration
import Lookup
import MailSystem
import Operate
import Synchronization
import TLS

/// The real system that `postfix check` looks at.
struct CheckedFiles: DeepCheck.Files {
    let parameters: Parameters

    func status(_ path: String) -> FileStatus? { Files.status(path) }

    func isProgram(_ path: String) -> Bool { Files.isExecutable(path) }

    func isUser(_ name: String) -> Bool { ((try? Users.lookup(name: name)) ?? nil) != nil }

    // MARK: Certificates

    func certificate(_ path: String, key: String) -> CertificateFacts? {
        guard let text = Self.text(path), let keyText = Self.text(key),
            let certificate = PEMText(text).certificates.first,
            let matches = certificate.belongs(toKeyIn: keyText)
        else { return nil }
        return CertificateFacts(validity: Self.validity(certificate), matchesKey: matches)
    }

    func holdsKey(_ path: String) -> Bool { Self.text(path).map { PEMText($0).holdsKey } ?? false }

    func chain(
        _ paths: [String]
    ) -> (problem: String?, certificates: [(path: String, validity: CertificateValidity)]) {
        var settings = TLSSettings(role: .server)
        settings.chainFiles = paths
        var problem: String?
        do { _ = try TLSContext(settings) } catch { problem = error.warnings.first }
        var found: [(String, CertificateValidity)] = []
        // A key may stand in the file before.
        var afterKey = false
        for path in paths {
            for item in PEMText(Self.text(path) ?? []).items {
                switch item {
                case .key: afterKey = true
                case .certificate(let certificate):
                    if afterKey { found.append((path, Self.validity(certificate))) }
                    afterKey = false
                }
            }
        }
        return (problem, found)
    }

    private static func text(_ path: String) -> [UInt8]? { try? Files.read(path, limit: 1 << 20) }

    private static func validity(_ certificate: PEMText.Certificate) -> CertificateValidity {
        CertificateValidity(daysLeft: certificate.daysLeft, hasBegun: certificate.hasBegun)
    }

    // MARK: Tables

    func openingProblems(_ table: String) -> (failure: String?, warnings: [String]) {
        let lines = WarningLines()
        do {
            _ = try opener(lines).openUnchecked(TableSpecification(table))
            return (nil, lines.all)
        } catch {
            return (error.reason, [])
        }
    }

    private func opener(_ lines: WarningLines = WarningLines()) -> TableOpener {
        TableOpener(
            settings: TableSettings(parameters: parameters, checksProxy: false), log: MailLog(tag: "", sink: lines))
    }

    /// Types that answer from memory or a local file. Whom a server knows is not asked here: it may be down, or slow.
    private static let local: Set<String> = [
        "btree", "cdb", "cidr", "debug", "environ", "fail", "hash", "inline", "lmdb", "pcre", "pipemap", "regexp",
        "sqlite", "static", "texthash", "unionmap",
    ]

    private func open(_ table: String) -> (any LookupTable)? {
        guard let specification = try? TableSpecification(table), Self.local.contains(specification.type) else {
            return nil
        }
        return try? opener().openUnchecked(specification, options: .standard)
    }

    func value(_ table: String, _ keys: [String]) -> String? {
        guard let table = open(table) else { return nil }
        let answer = runBlocking { () -> String? in
            for key in keys {
                if let value = try? await table.find(key) { return value }
            }
            return nil
        }
        return answer ?? nil
    }

    func values(_ table: String) -> [String] {
        guard let table = open(table) as? any ListableTable else { return [] }
        var found: [String] = []
        // What an administrator wrote, not what a program filled: a large table is not read to its end.
        var cursor = table.cursor()
        while found.count < 10_000, let entry = try? cursor.next() {
            found.append(String(decoding: entry.value, as: UTF8.self))
        }
        return found
    }

    func setting(_ name: String, in file: String) -> String? {
        let settings = try? Parameters(
            text: String(decoding: Files.read(file, limit: 1 << 20), as: UTF8.self), file: file)
        return settings?.raw(name)
    }

    func networks(_ list: String, hold address: String) -> Bool {
        guard let local = localList(list) else { return false }
        let networks = NetworkList(local, name: "mynetworks", opener: opener())
        return (runBlocking { try? await networks.matches(address: address) } ?? nil) ?? false
    }

    func domains(_ list: String, hold domain: String) -> Bool {
        guard let local = localList(list) else { return false }
        let domains = DomainList(
            local, name: "relay_domains", opener: opener(),
            parentsMatch: parameters.list("parent_domain_matches_subdomains").contains("relay_domains"))
        return (runBlocking { try? await domains.matches(domain) } ?? nil) ?? false
    }

    /// The patterns of a list that no server is asked for.
    private func localList(_ list: String) -> String? {
        let words = ListSetting.split(list).filter { word in
            guard let specification = try? TableSpecification(String(word.drop { $0 == "!" })) else { return true }
            let isTable = TableTypes.names.contains(specification.type)
            return !isTable || Self.local.contains(specification.type)
        }
        return words.isEmpty ? nil : words.joined(separator: " ")
    }
}

/// What a table says while it is opened.
private final class WarningLines: LogSink {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func write(_ record: LogRecord) {
        // The first few tell enough: a file of the wrong kind has many bad lines.
        lines.withLock { if $0.count < 10 { $0.append(record.text) } }
    }
}
