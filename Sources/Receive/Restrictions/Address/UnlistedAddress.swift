import Lookup
import MailSyntax

/// reject_unlisted_sender, reject_unlisted_recipient: the address is in a domain of ours, and in none of its tables.
struct UnlistedAddress: Restriction {
    let role: AddressRole

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let address = role.nonEmptyAddress(check.facts) else { return .dunno }
        if role == .sender { check.senderListed = true } else { check.recipientListed = true }
        guard let resolved = await check.classify(address) else { return check.tableFailed(address) }
        do {
            return try await judge(check, address, resolved)
        } catch {
            return check.tableFailed(address)
        }
    }

    private func judge(_ check: Evaluation, _ address: String, _ resolved: AddressClassification)
        async throws(LookupError)
        -> Outcome
    {
        let tables = check.environment.tables
        let settings = check.settings
        if try await isMapped(check, resolved.address) { return .dunno }
        if resolved.transport == "error" { return undeliverable(check, address, resolved) }
        if resolved.transport == "retry" { return refuse(check, address, 450, resolved.nexthop) }
        switch resolved.addressClass {
        case .other: return .dunno
        case .local:
            guard tables.checksLocalRecipients else { return .dunno }
            if try await isIn(tables.localRecipients, check, resolved.address) { return .dunno }
            return unknown(check, address, settings.unknownLocalCode, "local recipient table")
        case .virtualAlias:
            let text = settings.showTableName ? "User unknown in virtual alias table" : "User unknown"
            return refuse(check, address, settings.unknownVirtualAliasCode, "5.1.1 " + text)
        case .virtualMailbox:
            guard !tables.virtualMailboxes.isEmpty else { return .dunno }
            if try await isIn(tables.virtualMailboxes, check, resolved.address) { return .dunno }
            return unknown(check, address, settings.unknownVirtualMailboxCode, "virtual mailbox table")
        case .relay:
            if role == .recipient { CompatibilityNotes.destinationIsRelayed(check, resolved, unlisted: true) }
            guard !tables.relayRecipients.isEmpty else { return .dunno }
            if try await isIn(tables.relayRecipients, check, resolved.address) { return .dunno }
            return unknown(check, address, settings.unknownRelayCode, "relay recipient table")
        }
    }

    /// Canonical and alias tables turn the address into another one: it exists.
    private func isMapped(_ check: Evaluation, _ address: String) async throws(LookupError) -> Bool {
        let tables = check.environment.tables
        let canonical =
            role == .sender
            ? [tables.recipientCanonical, tables.senderCanonical, tables.canonical]
            : [tables.recipientCanonical, tables.canonical]
        for maps in canonical + [tables.virtualAliases] {
            if try await isIn(maps, check, address) { return true }
        }
        return false
    }

    private func isIn(_ maps: Maps, _ check: Evaluation, _ address: String) async throws(LookupError) -> Bool {
        if maps.isEmpty { return false }
        let tables = check.environment.tables
        let lookup = AddressLookup(maps: maps, delimiters: check.settings.recipientDelimiter) {
            (domain) throws(LookupError) in
            try await tables.localDomains.mayOmitDomain(domain)
        }
        return try await lookup.find(address) != nil
    }

    private func unknown(_ check: Evaluation, _ address: String, _ code: Int, _ table: String) -> Outcome {
        let text = check.settings.showTableName ? "User unknown in \(table)" : "User unknown"
        return check.refuse(
            code, role == .sender ? "5.1.0" : "5.1.1",
            RestrictionReplies.rejected(Subject(name: address, label: role.label), text))
    }

    /// `error:5.1.2 no such domain` in transport maps.
    private func undeliverable(_ check: Evaluation, _ address: String, _ resolved: AddressClassification) -> Outcome {
        let settings = check.settings
        let code =
            switch resolved.addressClass {
            case .local: settings.unknownLocalCode
            case .virtualAlias: settings.unknownVirtualAliasCode
            case .virtualMailbox: settings.unknownVirtualMailboxCode
            case .relay: settings.unknownRelayCode
            case .other: 550
            }
        return refuse(check, address, code, resolved.nexthop)
    }

    /// With the status that stands before the text, made to fit the role of the address.
    private func refuse(_ check: Evaluation, _ address: String, _ code: Int, _ reason: String) -> Outcome {
        let subject = Subject(name: address, label: role.label)
        var status = "5.1.1"
        var text = reason
        if let (given, rest) = EnhancedStatus.split(reason) {
            status = given.description
            text = rest
            if let fixed = StatusFix.replacement(for: given, label: role.label) {
                check.environment.log.info("mapping DSN status \(given) into \(role.label) status \(fixed)")
                status = fixed.description
            }
        }
        return check.refuse(code, status, RestrictionReplies.rejected(subject, text))
    }
}
