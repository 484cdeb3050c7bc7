import MailSyntax
import MailSystem

/// `smtpd_sasl_type = dovecot`: Dovecot checks the passwords.
struct DovecotAuthService: SASLService {
    let client: DovecotAuthClient
    /// smtpd_sasl_service: what Dovecot calls the protocol, `smtp`.
    let service: String
    let log: MailLog
    let path: String

    func mechanisms() async -> [SASLMechanism]? {
        do {
            return try await client.mechanisms()
        } catch {
            log.warning("SASL: Connect to Dovecot auth socket '\(path)' failed: \(describe(error))")
            return nil
        }
    }

    func begin(mechanism: String, initialResponse: String?, peer: SASLPeer) async -> (any SASLExchange, SASLStep) {
        if let initialResponse, !initialResponse.isEmpty, !Base64Text.isValid(initialResponse) {
            return (FinishedExchange(), .failure(reason: SASLReason.invalidInitialResponse, username: nil))
        }
        // Names come from the client: what is no mechanism name must not reach Dovecot's line protocol.
        guard mechanism.utf8.allSatisfy(Self.isMechanismByte) else {
            return (FinishedExchange(), .failure(reason: SASLReason.invalidMechanism, username: nil))
        }
        do {
            let service = service
            let (id, answer) = try await client.begin { id in
                DovecotAuthLine.request(
                    id: id, mechanism: mechanism, service: service, peer: peer,
                    // Dovecot takes an empty value for none at all (RFC 4954 §4).
                    initialResponse: initialResponse == "" ? "=" : initialResponse)
            }
            return (Exchange(id: id, client: client), Self.step(answer))
        } catch {
            log.warning("SASL: Connect to Dovecot auth socket '\(path)' failed: \(describe(error))")
            return (FinishedExchange(), .unavailable(reason: SASLReason.connectionLost))
        }
    }

    private struct Exchange: SASLExchange {
        let id: UInt32
        let client: DovecotAuthClient

        func respond(_ base64: String) async -> SASLStep {
            guard Base64Text.isValid(base64) else {
                return .failure(reason: SASLReason.invalidResponse, username: nil)
            }
            do {
                return DovecotAuthService.step(try await client.exchange(id, DovecotAuthLine.response(id: id, base64)))
            } catch {
                return .unavailable(reason: SASLReason.connectionLost)
            }
        }

        // Dovecot forgets an unfinished exchange by itself.
        func abort() {}
    }

    private static func step(_ line: DovecotAuthLine) -> SASLStep {
        switch line {
        case .challenge(_, let text): .challenge(text)
        case .success(_, let username?): .success(username: username)
        case .success(_, nil): .failure(reason: "No username in the authentication server's reply", username: nil)
        case .failure(_, let reason, let username):
            .failure(reason: reason ?? SASLReason.unavailable, username: username)
        default: .unavailable(reason: SASLReason.connectionLost)
        }
    }

    private static func isMechanismByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private func describe(_ error: any Error) -> String {
        switch error {
        case DovecotAuthClient.Failure.unusable(let text): text
        case DovecotAuthClient.Failure.lost: "connection lost or timed out"
        default: "\(error)"
        }
    }
}

/// The alphabet of base64; the server behind checks the rest.
enum Base64Text {
    static func isValid(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
                true
            default: false
            }
        }
    }
}
