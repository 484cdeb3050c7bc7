import Configuration
import DNS
import MailSyntax

/// `domain` or `domain=filter` of reject_rbl_client and its relatives: postconf(5).
struct BlockListSite: Sendable {
    /// As main.cf has it, the key of rbl_reply_maps.
    let text: String
    let domain: String
    let filter: OctetPattern?

    /// Nil when the filter is malformed.
    init?(_ text: String) {
        self.text = text
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
            domain = text
            filter = nil
            return
        }
        domain = String(text[..<equals])
        guard let pattern = try? OctetPattern(String(text[text.utf8.index(after: equals)...])), !domain.isEmpty else {
            return nil
        }
        filter = pattern
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
        let answer = await check.environment.resolver.query(query, .a)
        switch answer {
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
        case .filtered, .filterFailure:
            check.warn(
                "\(query): RBL lookup error: Error looking up name=\(query) type=A: \(answer.trouble ?? "")")
            return .unknown
        }
    }

    /// The list's explanation.
    static func reason(_ query: String, _ check: Evaluation) async -> String {
        let answer = await check.environment.resolver.query(query, .txt)
        switch answer {
        case .records(let records, _):
            for record in records { if case .text(let text) = record.data { return text } }
            return ""
        case .noSuchDomain, .noData: return ""
        case .temporaryFailure, .malformed, .filtered, .filterFailure:
            check.warn("\(query): TXT lookup error: \(answer.trouble ?? "")")
            return ""
        }
    }
}
