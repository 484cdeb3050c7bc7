import COpenSSL
import Synchronization

/// The keys of session tickets (RFC 5077 §4, RFC 8446 §4.6.1). They are derived from a secret that moves on with each
/// period and cannot be led back: processes that were given the same secret at different times agree on the keys without
/// talking, and who takes a process over later cannot read the tickets of periods long past.
public final class TicketKeyring: Sendable {
    /// The secret of one period. Periods are counted on the machine's monotonic clock, which its processes share.
    public struct Secret: Sendable, Equatable {
        /// Seconds.
        public let period: Int
        public private(set) var number: Int
        public private(set) var bytes: [UInt8]

        public init(period: Int, number: Int, bytes: [UInt8]) {
            self.period = max(period, 1)
            self.number = number
            self.bytes = bytes
        }

        /// A new one. - Parameter now: monotonic seconds.
        public static func random(period: Int, now: Int) -> Secret {
            // getrandom(2): it cannot fail, as OpenSSL's generator may.
            var generator = SystemRandomNumberGenerator()
            let bytes = (0..<32).map { _ in generator.next() as UInt8 }
            // The period before this one's: who starts now knows the keys that are being replaced.
            return Secret(period: period, number: now / max(period, 1) - 1, bytes: bytes)
        }

        /// Forgets what is older than the period before the current one.
        public mutating func advance(now: Int) {
            while number < now / period - 1 { step() }
        }

        fileprivate mutating func step() {
            bytes = derive("next")
            number += 1
        }

        /// HMAC-SHA256: 32 octets.
        fileprivate func derive(_ purpose: String) -> [UInt8] {
            var result = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
            var count: CUnsignedInt = 0
            let text = Array(purpose.utf8)
            HMAC(EVP_sha256(), bytes, CInt(bytes.count), text, text.count, &result, &count)
            return Array(result.prefix(Int(count)))
        }
    }

    struct Keys: Sendable {
        /// 16 octets, sent with each ticket.
        let name: [UInt8]
        let cipher: [UInt8]
        let mac: [UInt8]

        init(_ secret: Secret) {
            name = Array(secret.derive("name").prefix(16))
            cipher = secret.derive("cipher")
            mac = secret.derive("mac")
        }
    }

    private struct State {
        var secret: Secret
        var previous: Keys
        var current: Keys
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> Int

    /// - Parameter now: monotonic seconds.
    public init(_ secret: Secret, now: @escaping @Sendable () -> Int) {
        var secret = secret
        secret.advance(now: now())
        let previous = Keys(secret)
        secret.step()
        state = Mutex(State(secret: secret, previous: previous, current: Keys(secret)))
        self.now = now
    }

    /// What new tickets are made with.
    var current: Keys { moved { $0.current } }

    /// The keys of a ticket, and whether they are no longer what new ones are made with.
    func keys(named name: [UInt8]) -> (keys: Keys, isOld: Bool)? {
        moved { state in
            if state.current.name == name { return (state.current, false) }
            return state.previous.name == name ? (state.previous, true) : nil
        }
    }

    private func moved<Result>(_ body: (State) -> Result) -> Result {
        state.withLock { state in
            while state.secret.number < now() / state.secret.period {
                state.secret.step()
                state.previous = state.current
                state.current = Keys(state.secret)
            }
            return body(state)
        }
    }
}
