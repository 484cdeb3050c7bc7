import DNS
import MailSyntax

/// reject_invalid_helo_hostname: RFC 5321 §4.1.1.1
struct InvalidHelo: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let name = check.facts.helo else { return .dunno }
        return Self.judge(name, check)
    }

    static func judge(_ name: String, _ check: Evaluation) -> Outcome {
        let subject = Subject(name: name, label: Subject.heloLabel)
        func refuse(_ reason: String) -> Outcome {
            check.refuse(check.settings.invalidHostnameCode, "5.5.2", RestrictionReplies.rejected(subject, reason))
        }
        if name.utf8.first == UInt8(ascii: "[") {
            return HostName.isValidLiteral(name) ? .dunno : refuse("invalid ip address")
        }
        let bare = QualifiedName.withoutFinalDot(name)
        if HostName.isValid(bare) || HostName.isValidAddress(bare) || !ASCII.isASCII(bare) { return .dunno }
        return refuse("Invalid name")
    }
}

/// reject_non_fqdn_helo_hostname
struct NonFQDNHelo: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let name = check.facts.helo else { return .dunno }
        if name.utf8.first == UInt8(ascii: "[") { return InvalidHelo.judge(name, check) }
        if QualifiedName.isFullyQualified(name) { return .dunno }
        return check.refuse(
            check.settings.nonFQDNCode, "5.5.2",
            RestrictionReplies.rejected(
                Subject(name: name, label: Subject.heloLabel), "need fully-qualified hostname"))
    }
}

/// reject_unknown_helo_hostname: neither addresses nor MX records.
struct UnknownHelo: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let name = check.facts.helo else { return .dunno }
        if name.utf8.first == UInt8(ascii: "[") { return InvalidHelo.judge(name, check) }
        let bare = QualifiedName.withoutFinalDot(name)
        let text = RestrictionReplies.rejected(Subject(name: name, label: Subject.heloLabel), "Host not found")
        var isFiltered = false
        var isUnanswered = false
        for type in [RecordType.a, .aaaa, .mx] {
            switch await check.environment.resolver.query(bare, type) {
            case .records(let records, _):
                if !MailDomain.isNullMX(records) { return .dunno }
            case .noSuchDomain, .noData, .malformed: continue
            case .filtered: isFiltered = true
            case .filterFailure: isUnanswered = true
            case .temporaryFailure(let reason):
                check.warn("\(bare): address or MX lookup error: \(reason)")
                return check.temporarilyFailed(check.settings.unknownHostnameFailure, "4.7.1", text)
            }
        }
        if isUnanswered { return check.temporarilyFailed(check.settings.unknownHostnameFailure, "4.7.1", text) }
        if isFiltered {
            check.warn("\(bare): address or MX lookup error: \(DNSAnswer.filteredText)")
            return .dunno
        }
        return check.refuse(check.settings.unknownHostnameCode, "4.7.1", text)
    }
}
