/// sleep seconds
struct Sleep: Restriction {
    let seconds: Int

    func evaluate(_ check: Evaluation) async -> Outcome {
        try? await Task.sleep(for: .seconds(seconds))
        return .dunno
    }
}
