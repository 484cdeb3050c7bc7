import MailSyntax

/// Decodes the data of one record.
enum RecordParser {
    /// Nil when the data does not have the form of its type.
    static func parse(_ bytes: [UInt8], type: RecordType) -> RecordData? {
        switch type {
        case .a: return bytes.count == 4 ? IPAddress(bytes: bytes).map { .a($0) } : nil
        case .aaaa: return bytes.count == 16 ? IPAddress(bytes: bytes).map { .aaaa($0) } : nil
        case .ns, .cname, .ptr:
            var offset = 0
            return DomainName.parse(bytes, at: &offset).map { .name($0) }
        case .soa:
            var offset = 0
            guard DomainName.parse(bytes, at: &offset) != nil, DomainName.parse(bytes, at: &offset) != nil,
                bytes.count - offset >= 20
            else { return nil }
            func value(_ index: Int) -> UInt32 {
                let start = offset + 4 * index
                return UInt32(number(bytes, start)) << 16 | UInt32(number(bytes, start + 2))
            }
            return .soa(
                ZoneTimes(
                    serial: value(0), refresh: value(1), retry: value(2), expire: value(3), minimum: value(4)))
        case .mx:
            guard bytes.count >= 3 else { return nil }
            var offset = 2
            return DomainName.parse(bytes, at: &offset).map { .mx(preference: number(bytes, 0), host: $0) }
        case .txt:
            return text(bytes).map { .text($0) }
        case .srv:
            guard bytes.count >= 7 else { return nil }
            var offset = 6
            return DomainName.parse(bytes, at: &offset).map {
                .srv(priority: number(bytes, 0), weight: number(bytes, 2), port: number(bytes, 4), host: $0)
            }
        case .tlsa:
            guard bytes.count >= 3 else { return nil }
            return .tlsa(usage: bytes[0], selector: bytes[1], matching: bytes[2], data: Array(bytes[3...]))
        }
    }

    private static func number(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
        UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    private static func text(_ bytes: [UInt8]) -> String? {
        var text: [UInt8] = []
        var offset = 0
        while offset < bytes.count {
            let length = Int(bytes[offset])
            offset += 1
            guard bytes.count - offset >= length else { return nil }
            text += bytes[offset..<offset + length]
            offset += length
        }
        return String(decoding: text, as: UTF8.self)
    }
}
