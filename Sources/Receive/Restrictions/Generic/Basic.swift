/// permit
struct Permit: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome { await check.permit("permit", check.subject) }
}

/// reject
struct Reject: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        check.refuse(
            check.settings.rejectCode, "5.7.1", RestrictionReplies.rejected(check.subject, "Access denied"))
    }
}

/// defer
struct Defer: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        check.refuse(check.settings.deferCode, "4.3.2", RestrictionReplies.rejected(check.subject, "Try again later"))
    }
}

/// defer_if_permit
struct DeferIfPermit: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        check.deferUnlessRejected(
            450, "4.7.0", RestrictionReplies.rejected(check.subject, "defer_if_permit requested"))
    }
}

/// defer_if_reject
struct DeferIfReject: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        check.deferIfRejected(450, "4.7.0", RestrictionReplies.rejected(check.subject, "defer_if_reject requested"))
    }
}
