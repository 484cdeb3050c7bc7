/// reject_unauth_pipelining
struct UnauthorizedPipelining: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        guard check.facts.pipelinedEarly else { return .dunno }
        return check.refuse(
            503, "5.5.0",
            RestrictionReplies.rejected(check.subject, "Improper use of SMTP command pipelining"))
    }
}
