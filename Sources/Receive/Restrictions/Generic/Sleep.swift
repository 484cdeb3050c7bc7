import MailSystem

/// sleep seconds
struct Sleep: Restriction {
    let seconds: Int

    func evaluate(_ check: Evaluation) async -> Outcome {
        await TaskDelay.seconds(seconds)
        return .dunno
    }
}
