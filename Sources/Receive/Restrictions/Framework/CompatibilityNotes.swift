import Configuration
import MailSyntax

/// Log lines about decisions that only an old default makes (COMPATIBILITY_README): the administrator sees what would be
/// otherwise with a newer compatibility_level.
enum CompatibilityNotes {
    private static func note(_ check: Evaluation, _ setting: String, _ purpose: String) {
        check.verdict.notes.append(CompatibilityDefaults.text(setting, to: purpose))
    }

    /// permit_mynetworks has matched.
    static func subnetIsTrusted(_ check: Evaluation) async {
        guard let host = check.environment.tables.hostNetworks else { return }
        let client = check.facts.client
        // What cannot be known is not told.
        guard (try? await host.matches(name: client.name, address: client.address)) == false else { return }
        note(check, "mynetworks_style=subnet", "permit request from client \"\(client.nameAndAddress)\"")
    }

    /// A domain or an address is accepted for being in relay_domains.
    static func destinationIsRelayed(_ check: Evaluation, _ resolved: AddressClassification, unlisted: Bool) {
        guard check.settings.oldDefaults.relaysForDestinations, resolved.addressClass == .relay else { return }
        let what =
            unlisted
            ? "address \"\(resolved.address)\"" : "domain \"\(EmailAddress.domain(resolved.address) ?? "")\""
        note(check, "relay_domains=$mydestination", "accept mail for \(what)")
    }

    /// smtpd_recipient_restrictions has refused.
    static func recipientListCameFirst(_ check: Evaluation, _ address: String) {
        guard check.settings.oldDefaults.asksRecipientListFirst else { return }
        check.verdict.notesAfterRefusal.append(
            CompatibilityDefaults.text(
                "smtpd_relay_before_recipient_restrictions=no",
                to: "reject recipient \"\(address)\" from client \"\(check.facts.client.nameAndAddress)\""))
    }

    /// Everything has accepted, and smtpd_relay_restrictions was not asked: would its default of today?
    static func relayListIsEmpty(_ check: Evaluation, _ address: String) async {
        guard check.settings.oldDefaults.hasNoRelayList else { return }
        // The question changes nothing of the verdict but its notes.
        let verdict = check.verdict
        var isPermitted = false
        for restriction in [PermitMyNetworks(), PermitAuthenticated(), AuthorizedDestination(verdict: .permit)]
            as [any Restriction]
        {
            switch await restriction.evaluate(check) {
            case .permit: isPermitted = true
            case .dunno: continue
            // A table that fails is not held against the client here.
            case .refuse, .hangUp: isPermitted = true
            }
            break
        }
        let notes = check.verdict.notes
        check.verdict = verdict
        check.verdict.notes = notes
        if isPermitted { return }
        note(
            check, "\"smtpd_relay_restrictions = (empty)\"",
            "avoid \"Relay access denied\" error for recipient \"\(address)\" from client \"\(check.facts.client.nameAndAddress)\""
        )
    }

    /// The fingerprint of a client's certificate is looked up.
    static func digestIsOld(_ check: Evaluation) {
        if check.settings.oldDefaults.usesOldDigest { check.verdict.usedOldDigest = true }
    }
}
