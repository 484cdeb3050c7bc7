import Configuration
import DNS
import MailSyntax

/// `domain` or `domain=filter` of reject_rbl_client and its relatives: postconf(5).
struct BlockListSite: Sendable {
    /// As main.cf has it, the key of rbl_reply_maps.
    let text: String
    let domain: String
    let filter: AddressPattern?

    /// Nil when the filter is malformed.
    init?(_ text: String) {
        self.text = text
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
            domain = text
            filter = nil
            return
        }
        domain = String(text[..<equals])
        guard let pattern = AddressPattern(String(text[text.utf8.index(after: equals)...])), !domain.isEmpty else {
            return nil
        }
        filter = pattern
    }
}

/// `127.0.0.2`, `127.0.[0..3].[1;4..6]`: four parts, each a number or a set of numbers and ranges.
struct AddressPattern: Sendable {
    private let parts: [[ClosedRange<UInt8>]]

    init?(_ text: String) {
        var parts: [[ClosedRange<UInt8>]] = []
        var rest = Array(text.utf8)[...]
        while true {
            guard let part = Self.part(&rest) else { return nil }
            parts.append(part)
            guard let next = rest.popFirst() else { break }
            guard next == UInt8(ascii: ".") else { return nil }
        }
        guard parts.count == 4 else { return nil }
        self.parts = parts
    }

    func matches(_ address: IPAddress) -> Bool {
        guard address.isIPv4 else { return false }
        return zip(parts, address.bytes).allSatisfy { part, byte in part.contains { $0.contains(byte) } }
    }

    private static func part(_ rest: inout ArraySlice<UInt8>) -> [ClosedRange<UInt8>]? {
        guard rest.first == UInt8(ascii: "[") else { return number(&rest).map { [$0...$0] } }
        rest.removeFirst()
        var ranges: [ClosedRange<UInt8>] = []
        while true {
            guard let low = number(&rest) else { return nil }
            var high = low
            if rest.starts(with: "..".utf8) {
                rest.removeFirst(2)
                guard let end = number(&rest), end >= low else { return nil }
                high = end
            }
            ranges.append(low...high)
            guard let next = rest.popFirst() else { return nil }
            if next == UInt8(ascii: "]") { return ranges }
            guard next == UInt8(ascii: ";") else { return nil }
        }
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> UInt8? {
        let digits = rest.prefix(3).prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard !digits.isEmpty else { return nil }
        rest = rest.dropFirst(digits.count)
        return UInt8(exactly: digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }
}

/// One question to a block list.
enum BlockListQuery {
    enum Answer: Sendable {
        case listed
        case unlisted
        /// The DNS did not answer.
        case unknown
    }

    static func ask(_ query: String, _ site: BlockListSite, _ check: Evaluation) async -> Answer {
        switch await check.environment.resolver.query(query, .a) {
        case .records(let records, _):
            guard let filter = site.filter else { return .listed }
            let matches = records.contains {
                if case .a(let address) = $0.data { filter.matches(address) } else { false }
            }
            return matches ? .listed : .unlisted
        case .noSuchDomain, .noData: return .unlisted
        case .temporaryFailure(let reason), .malformed(let reason):
            check.warn(
                "\(query): RBL lookup error: Host or domain name not found. Name service error for name=\(query) "
                    + "type=A: \(reason)")
            return .unknown
        }
    }

    /// The list's explanation.
    static func reason(_ query: String, _ check: Evaluation) async -> String {
        switch await check.environment.resolver.query(query, .txt) {
        case .records(let records, _):
            for record in records { if case .text(let text) = record.data { return text } }
            return ""
        case .noSuchDomain, .noData: return ""
        case .temporaryFailure(let reason), .malformed(let reason):
            check.warn("\(query): TXT lookup error: \(reason)")
            return ""
        }
    }
}
