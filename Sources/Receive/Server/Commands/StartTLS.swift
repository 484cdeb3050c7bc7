/// STARTTLS (RFC 3207).
extension SMTPSession {
    nonisolated(nonsending) func startTLS() async -> Outcome {
        if facts.tls != nil { return Outcome(ServerReply(554, "5.5.1", "Error: TLS already active")) }
        guard settings.tlsLevel >= .may, !discardedKeywords.contains("starttls") else {
            return Outcome(Replies.notImplemented)
        }
        guard environment.offersTLS else {
            return Outcome(ServerReply(454, "4.7.0", "TLS not available due to local problem"))
        }
        if let problem = await newTLSRateProblem() { return Outcome(problem) }
        return Outcome(Replies.readyForTLS, next: .startTLS)
    }
}
