import DNS
import Glibc
import MailSyntax

/// Answers from the file that `$ZONE` names, in place of the DNS.
struct ZoneResolver: Resolver {
    private struct Entry: Sendable {
        var name: String
        var type: DNS.RecordType
        var data: RecordData
    }

    private static let timeToLive = 3600

    private var entries: [Entry] = []

    init() {
        guard let path = getenv("ZONE"), let file = fopen(path, "r") else { return }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 4096)
        while fgets(&buffer, Int32(buffer.count), file) != nil {
            let line = String(
                decoding: buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if let entry = Self.entry(line) { entries.append(entry) }
        }
    }

    private static func entry(_ line: String) -> Entry? {
        let fields = words(line)
        guard fields.count >= 3, !line.hasPrefix("#") else { return nil }
        func host(_ index: Int) -> String {
            fields[index].hasSuffix(".") ? String(fields[index].dropLast()) : fields[index]
        }
        func number(_ index: Int) -> UInt32 { UInt32(fields[index]) ?? 0 }
        let name = fields[0].lowercased()
        switch fields[1] {
        case "A": return IPAddress(fields[2]).map { Entry(name: name, type: .a, data: .a($0)) }
        case "AAAA": return IPAddress(fields[2]).map { Entry(name: name, type: .aaaa, data: .aaaa($0)) }
        case "MX" where fields.count > 3:
            return Entry(name: name, type: .mx, data: .mx(preference: UInt16(number(2) & 0xFFFF), host: host(3)))
        case "NS": return Entry(name: name, type: .ns, data: .name(host(2)))
        case "CNAME": return Entry(name: name, type: .cname, data: .name(host(2)))
        case "PTR": return Entry(name: name, type: .ptr, data: .name(host(2)))
        case "TXT": return Entry(name: name, type: .txt, data: .text(fields.dropFirst(2).joined(separator: " ")))
        case "SOA" where fields.count > 8:
            return Entry(
                name: name, type: .soa,
                data: .soa(
                    ZoneTimes(
                        serial: number(4), refresh: number(5), retry: number(6), expire: number(7), minimum: number(8)))
            )
        default: return nil
        }
    }

    func query(_ name: String, _ type: DNS.RecordType) async -> DNSAnswer {
        var folded = name.lowercased()
        if folded.hasSuffix(".") { folded.removeLast() }
        let named = entries.filter { $0.name == folded || matches($0.name, folded) }
        let records = named.filter { $0.type == type }
        if !records.isEmpty {
            return .records(records.map { DNSRecord(data: $0.data, timeToLive: Self.timeToLive) }, secure: false)
        }
        let exists = !named.isEmpty || entries.contains { $0.name.hasSuffix(".\(folded)") }
        return exists ? .noData : .noSuchDomain
    }

    private func matches(_ pattern: String, _ name: String) -> Bool {
        pattern.hasPrefix("*") && name.hasSuffix(pattern.dropFirst()) && name.utf8.count >= pattern.utf8.count
    }

    /// The SOA of the nearest zone above a name.
    func zone(of name: String) -> (name: String, record: DNSRecord)? {
        var rest = name.lowercased()[...]
        while true {
            if let entry = entries.first(where: { $0.name == rest && $0.type == .soa }) {
                return (entry.name, DNSRecord(data: entry.data, timeToLive: Self.timeToLive))
            }
            guard let dot = rest.firstIndex(of: ".") else { return nil }
            rest = rest[rest.index(after: dot)...]
        }
    }
}
