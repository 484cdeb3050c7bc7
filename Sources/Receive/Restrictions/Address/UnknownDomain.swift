import DNS
import MailSyntax

/// reject_unknown_sender_domain, reject_unknown_recipient_domain: the domain has neither MX nor address records.
struct UnknownDomain: Restriction {
    let role: AddressRole

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let address = role.nonEmptyAddress(check.facts) else { return .dunno }
        guard let resolved = await check.classify(address) else { return check.tableFailed(address) }
        guard let domain = EmailAddress.domain(resolved.address), !domain.isEmpty, !resolved.isFinalDestination,
            domain.utf8.first != UInt8(ascii: "[")
        else { return .dunno }
        let subject = Subject(name: address, label: role.label)
        let status = role == .sender ? "4.1.8" : "4.1.2"
        switch await MailDomain.look(domain, check) {
        case .exists: return .dunno
        case .missing:
            return check.refuse(
                check.settings.unknownAddressCode, status, RestrictionReplies.rejected(subject, "Domain not found"))
        case .malformed:
            return check.refuse(
                check.settings.unknownAddressCode, status,
                RestrictionReplies.rejected(subject, "Malformed DNS server reply"))
        case .nullMX:
            // RFC 7505 §4
            let text = RestrictionReplies.rejected(subject, "Domain \(domain) does not accept mail (nullMX)")
            return role == .sender ? check.refuse(550, "5.7.27", text) : check.refuse(556, "5.1.10", text)
        case .unanswered:
            return check.temporarilyFailed(
                check.settings.unknownAddressFailure, status, RestrictionReplies.rejected(subject, "Domain not found"))
        }
    }
}

/// Whether mail could go to a domain.
enum MailDomain {
    enum State: Sendable { case exists, missing, malformed, nullMX, unanswered }

    /// RFC 7505: the domain takes no mail.
    static func isNullMX(_ records: [DNSRecord]) -> Bool {
        guard records.count == 1, case .mx(_, let host) = records[0].data else { return false }
        return host.isEmpty || host == "."
    }

    static func look(_ domain: String, _ check: Evaluation) async -> State {
        let resolver = check.environment.resolver
        switch await resolver.query(domain, .mx) {
        case .records(let records, _):
            return isNullMX(records) ? .nullMX : .exists
        case .malformed: return .malformed
        case .temporaryFailure: return .unanswered
        case .filterFailure: return .unanswered
        case .filtered:
            check.warn("\(domain): MX or address lookup error: \(DNSAnswer.filteredText)")
            return .exists
        case .noSuchDomain: return .missing
        case .noData: break
        }
        var isFiltered = false
        var isUnanswered = false
        for type in [RecordType.a, .aaaa] {
            switch await resolver.query(domain, type) {
            case .records: return .exists
            case .malformed: return .malformed
            case .temporaryFailure: return .unanswered
            case .filterFailure: isUnanswered = true
            case .filtered: isFiltered = true
            case .noSuchDomain, .noData: continue
            }
        }
        if isUnanswered { return .unanswered }
        if isFiltered {
            check.warn("\(domain): MX or address lookup error: \(DNSAnswer.filteredText)")
            return .exists
        }
        return .missing
    }
}
