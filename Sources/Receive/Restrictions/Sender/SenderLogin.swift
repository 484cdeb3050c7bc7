import Lookup
import MailSyntax

/// reject_sender_login_mismatch and its variants: who may use which sender address (smtpd_sender_login_maps).
struct SenderLogin: Restriction {
    /// Which sessions are judged.
    struct Sessions: OptionSet, Sendable {
        let rawValue: Int
        static let authenticated = Sessions(rawValue: 1)
        static let unauthenticated = Sessions(rawValue: 2)
    }

    let sessions: Sessions
    /// Only senders that the table knows.
    var knownOnly = false

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard check.settings.saslEnabled else { return ignored(check) }
        let tables = check.environment.tables
        guard let sender = check.facts.sender, !sender.isEmpty, !tables.senderLogins.isEmpty else { return .dunno }
        let login = check.facts.saslUsername
        guard sessions.contains(login == nil ? .unauthenticated : .authenticated) else { return .dunno }
        let lookup = AddressLookup(maps: tables.senderLogins, delimiters: check.settings.recipientDelimiter) {
            (domain) throws(LookupError) in
            try await tables.localDomains.mayOmitDomain(domain)
        }
        let owners: String?
        do {
            owners = try await lookup.find(sender)?.value
        } catch {
            return check.tableFailed(sender)
        }
        let subject = Subject(name: sender, label: Subject.senderLabel)
        guard let login else {
            guard owners != nil else { return .dunno }
            return check.refuse(553, "5.7.1", RestrictionReplies.rejected(subject, "not logged in"))
        }
        if owners == nil, knownOnly { return .dunno }
        let names = ListSyntax.split(owners ?? "")
        if names.contains(where: { ASCII.equalIgnoringCase($0, login) }) { return .dunno }
        return check.refuse(553, "5.7.1", RestrictionReplies.rejected(subject, "not owned by user \(login)"))
    }

    /// A service without logins knows nothing of them.
    private func ignored(_ check: Evaluation) -> Outcome {
        if knownOnly {
            check.ignoreWithoutSASL("reject_known_sender_login_mismatch")
        } else {
            if sessions.contains(.authenticated) {
                check.ignoreWithoutSASL("reject_authenticated_sender_login_mismatch")
            }
            if sessions.contains(.unauthenticated) {
                check.ignoreWithoutSASL("reject_unauthenticated_sender_login_mismatch")
            }
        }
        return .dunno
    }
}
