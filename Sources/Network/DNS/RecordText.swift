import MailSyntax

/// DNS records as text (smtp_dns_reply_filter): `OWNER. TTL IN TYPE DATA`.
public enum RecordText {
    public static func line(owner: String, _ record: DNSRecord, type: RecordType) -> String {
        "\(absolute(owner)) \(record.timeToLive) IN \("\(type)".uppercased()) \(data(record.data))"
    }

    static func data(_ data: RecordData) -> String {
        switch data {
        case .a(let address), .aaaa(let address): "\(address)"
        case .mx(let preference, let host): "\(preference) \(absolute(host))"
        case .name(let name): absolute(name)
        case .text(let text): text
        case .srv(let priority, let weight, let port, let host): "\(priority) \(weight) \(port) \(absolute(host))"
        case .tlsa(let usage, let selector, let matching, let data):
            "\(usage) \(selector) \(matching) \(Hex.encode(data))"
        case .soa(let soa):
            "- - \(soa.serial) \(soa.refresh) \(soa.retry) \(soa.expire) \(soa.minimum)"
        }
    }

    private static func absolute(_ name: String) -> String { name.utf8.last == 0x2E ? name : name + "." }
}
