import Lookup

/// check_sender_access, check_recipient_access: the address, its domain and parents, its local part.
struct AddressAccess: Restriction {
    let table: AccessTable
    let role: AddressRole

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let address = role.address(check.facts) else { return .dunno }
        let key = address.isEmpty ? check.settings.nullLookupKey : address
        let subject = Subject(name: address, label: role.label)
        let delimiters = check.settings.recipientDelimiter
        let lookup = table.lookup
        let maps = table.maps
        let outcome = await table.act(check, subject: subject, key: key) { () throws(LookupError) in
            address.isEmpty ? try await maps.find(key) : try await lookup.find(mail: key, delimiters: delimiters)
        }
        // A sender who routes the mail itself (`user@elsewhere@here`) gets no permission from a table.
        if outcome == .permit, role == .recipient, !check.verdict.effects.discard {
            guard let resolved = await check.classify(address) else { return check.tableFailed(address) }
            if resolved.isSourceRouted { return .dunno }
        }
        return outcome
    }
}
