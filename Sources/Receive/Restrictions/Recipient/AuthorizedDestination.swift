import MailSyntax

/// Mail for a recipient that this server takes mail for: permit_auth_destination, reject_unauth_destination,
/// defer_unauth_destination.
struct AuthorizedDestination: Restriction {
    enum Verdict: Sendable { case permit, refuse, postpone }

    let verdict: Verdict

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let address = check.facts.recipient, !address.isEmpty else { return .dunno }
        guard let resolved = await check.classify(address) else { return check.tableFailed(address) }
        let authorized =
            !resolved.isSourceRouted
            && (resolved.isAuthorizedDestination || EmailAddress.domain(resolved.address) == nil)
        if authorized { CompatibilityNotes.destinationIsRelayed(check, resolved, unlisted: false) }
        switch verdict {
        case .permit:
            guard authorized else { return .dunno }
            return await check.permit(
                "permit_auth_destination", Subject(name: address, label: Subject.recipientLabel))
        case .refuse, .postpone:
            if authorized { return .dunno }
            let code = check.settings.relayCode - (verdict == .postpone ? 100 : 0)
            return check.refuse(code, "5.7.1", "<\(address)>: Relay access denied")
        }
    }
}
