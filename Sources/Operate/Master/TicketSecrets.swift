import Configuration
import InternalProtocol
import TLS

/// The secret of TLS session tickets: a client that resumes its session meets any process and any generation. It moves on
/// with smtpd_tls_session_cache_timeout.
struct TicketSecrets {
    private var secret: TicketKeyring.Secret?

    /// The secret for a process that starts now. Nil without session resumption.
    /// - Parameter now: monotonic seconds.
    mutating func secret(_ parameters: Parameters, now: Double) -> TicketSecret? {
        let period = TLSSettings.sessionTimeout(parameters["smtpd_tls_session_cache_timeout"])
        guard period > 0 else { return nil }
        let now = Int(now)
        var current = secret.flatMap { $0.period == period ? $0 : nil } ?? .random(period: period, now: now)
        current.advance(now: now)
        secret = current
        return TicketSecret(period: period, number: current.number, bytes: current.bytes)
    }
}
