/// reject_rbl_client, reject_rhsbl_client, reject_rhsbl_reverse_client, reject_rhsbl_helo, reject_rhsbl_sender,
/// reject_rhsbl_recipient
struct RejectListed: Restriction {
    let site: BlockListSite
    let about: BlockListSubject

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let (name, what, subject) = about.query(check.facts) else { return .dunno }
        let query = "\(name).\(site.domain)"
        // A list that does not answer lists nothing.
        guard await BlockListQuery.ask(query, site, check) == .listed else { return .dunno }
        let reason = await BlockListQuery.reason(query, check)
        return await BlockListReply.make(check, site: site, what: what, subject: subject, reason: reason)
    }
}
