/// reject_multi_recipient_bounce: a bounce has one recipient. RFC 5321 §4.5.5.
struct MultiRecipientBounce: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        let limit = check.facts.stage == "RCPT" ? 0 : 1
        guard check.facts.sender == "", check.facts.recipientCount > limit else { return .dunno }
        return check.refuse(
            check.settings.multiRecipientBounceCode, "5.5.3",
            RestrictionReplies.rejected(check.subject, "Multi-recipient bounce"))
    }
}
