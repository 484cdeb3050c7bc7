import MailSystem

/// Applies a table to each record that the DNS gives (smtpd_dns_reply_filter, smtp_dns_reply_filter): `IGNORE` drops it.
public struct FilteredResolver: Resolver {
    /// The table's value for the text of a record; throws when it cannot answer.
    public typealias Filter = @Sendable (_ record: String) async throws -> String?

    private let base: any Resolver
    private let name: String
    private let filter: Filter
    private let log: MailLog

    /// - Parameter name: the parameter, for log lines.
    public init(_ base: any Resolver, name: String, log: MailLog, filter: @escaping Filter) {
        self.base = base
        self.name = name
        self.log = log
        self.filter = filter
    }

    public func query(_ name: String, _ type: RecordType) async -> DNSAnswer {
        let answer = await base.query(name, type)
        guard case .records(let records, let secure) = answer else { return answer }
        // Mail is refused for a null MX whatever the filter says.
        if Self.isNullMX(records) { return .records(records, secure: secure) }
        var kept: [DNSRecord] = []
        for record in records {
            let text = RecordText.line(owner: name, record, type: type)
            let action: String?
            do {
                action = try await filter(text)
            } catch {
                return .filterFailure
            }
            switch action.map({ $0.prefix { $0 != " " && $0 != "\t" }.uppercased() }) {
            case nil: kept.append(record)
            case "IGNORE": log.info("ignoring DNS RR: \(text)")
            default:
                log.warning("\(self.name): unknown DNS filter action: \"\(action ?? "")\"")
                return .filterFailure
            }
        }
        return kept.isEmpty ? .filtered : .records(kept, secure: secure)
    }

    private static func isNullMX(_ records: [DNSRecord]) -> Bool {
        guard records.count == 1, case .mx(_, let host) = records[0].data else { return false }
        return host.isEmpty || host == "."
    }
}
