/// permit_dnswl_client, permit_rhswl_client: a list of good clients. It does not open the relay: at RCPT it permits only
/// mail for this server's own destinations.
struct PermitListed: Restriction {
    let site: BlockListSite
    let about: BlockListSubject

    private var action: String {
        if case .clientAddress = about { return "permit_dnswl_client" }
        return "permit_rhswl_client"
    }

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let (name, _, subject) = about.query(check.facts) else { return .dunno }
        if let recipient = check.facts.recipient, !recipient.isEmpty {
            guard let resolved = await check.classify(recipient) else { return check.tableFailed(recipient) }
            guard resolved.isAuthorizedDestination, !resolved.isSourceRouted else { return .dunno }
        }
        switch await BlockListQuery.ask("\(name).\(site.domain)", site, check) {
        case .listed: return await check.permit(action, subject)
        case .unlisted: return .dunno
        case .unknown:
            return check.deferIfRejected(450, "4.7.1", RestrictionReplies.rejected(subject, "Service unavailable"))
        }
    }
}
