/// reject_plaintext_session
struct PlaintextSession: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        guard check.facts.tls == nil else { return .dunno }
        return check.refuse(check.settings.plaintextCode, "4.7.1", "Session encryption is required")
    }
}
