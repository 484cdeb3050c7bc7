import Lookup
import MailSyntax
import MailSystem
import Runtime

/// `smtpd_sasl_type = embedded`: PLAIN and LOGIN against a lookup table of our own, for servers without Dovecot.
///
/// smtpd_sasl_path names the table, `texthash:/etc/postfix/passwords` or any other type; a path without a type is
/// texthash. Keys are user names. A value is a crypt(3) hash (`mkpasswd`, `openssl passwd -6`, a line of shadow(5)),
/// optionally behind `{CRYPT}` or a scheme name as Dovecot writes it, or `{PLAIN}` and the password itself.
struct EmbeddedPasswordService: SASLService {
    let table: any LookupTable
    /// smtpd_sasl_local_domain: tried behind a user name that has no domain of its own.
    let localDomain: String
    let pool: BlockingPool
    let log: MailLog

    func mechanisms() async -> [SASLMechanism]? {
        ["PLAIN", "LOGIN"].map { SASLMechanism(name: $0, properties: .plaintext) }
    }

    func begin(mechanism: String, initialResponse: String?, peer: SASLPeer) async -> (any SASLExchange, SASLStep) {
        switch ASCII.lowercased(mechanism) {
        case "plain":
            guard let initialResponse else { return (PlainExchange(service: self), .challenge("")) }
            return (FinishedExchange(), await plain(initialResponse, invalid: SASLReason.invalidInitialResponse))
        case "login":
            guard let initialResponse, !initialResponse.isEmpty else {
                return (LoginExchange(service: self, name: nil), .challenge("VXNlcm5hbWU6"))
            }
            guard let name = Self.text(initialResponse) else {
                return (FinishedExchange(), .failure(reason: SASLReason.invalidInitialResponse, username: nil))
            }
            return (LoginExchange(service: self, name: name), .challenge("UGFzc3dvcmQ6"))
        default:
            return (FinishedExchange(), .failure(reason: SASLReason.invalidMechanism, username: nil))
        }
    }

    private static func text(_ base64: String) -> String? {
        Base64.decode(base64).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// RFC 4616: authorization identity, NUL, user name, NUL, password.
    fileprivate func plain(_ base64: String, invalid: String) async -> SASLStep {
        guard let bytes = Base64.decode(base64) else { return .failure(reason: invalid, username: nil) }
        let parts = bytes.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let identity = String(validating: parts[0], as: UTF8.self),
            let name = String(validating: parts[1], as: UTF8.self),
            let password = String(validating: parts[2], as: UTF8.self), !name.isEmpty
        else { return .failure(reason: "Can't parse the PLAIN response", username: nil) }
        guard identity.isEmpty || identity == name else {
            return .failure(reason: "Acting for another user is not supported", username: name)
        }
        return await check(name, password)
    }

    fileprivate func check(_ name: String, _ password: String) async -> SASLStep {
        do {
            let (user, hash) = try await account(name)
            // An unknown user costs as much time as a wrong password.
            let verdict = await verify(password, hash ?? Self.hashOfNobody)
            return verdict && hash != nil
                ? .success(username: user) : .failure(reason: SASLReason.unavailable, username: name)
        } catch {
            log.warning("SASL: lookup of \(name) failed: \(error)")
            return .unavailable(reason: "password table \(table.name) is not available")
        }
    }

    private func account(_ name: String) async throws(LookupError) -> (user: String, hash: String?) {
        if let hash = try await table.find(name) { return (name, hash) }
        if !localDomain.isEmpty, !name.utf8.contains(UInt8(ascii: "@")) {
            let full = "\(name)@\(localDomain)"
            if let hash = try await table.find(full) { return (full, hash) }
        }
        return (name, nil)
    }

    private func verify(_ password: String, _ entry: String) async -> Bool {
        if let plain = Self.remainder(of: entry, after: ["{PLAIN}", "{plain}"]) {
            return plain.utf8.elementsEqual(password.utf8)
        }
        let hash = Self.withoutScheme(entry)
        // Hashing takes milliseconds, on purpose: never on an event loop.
        let made = await pool.run { PasswordHash.crypt(password, setting: hash) }
        guard let made, made.utf8.count == hash.utf8.count else { return false }
        return zip(made.utf8, hash.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func remainder(of entry: String, after prefixes: [String]) -> String? {
        prefixes.first { entry.hasPrefix($0) }.map { String(entry.dropFirst($0.count)) }
    }

    /// `{SHA512-CRYPT}$6$…` → `$6$…`; crypt(3) finds the method in the hash itself.
    private static func withoutScheme(_ entry: String) -> String {
        guard entry.utf8.first == UInt8(ascii: "{"), let end = entry.firstIndex(of: "}") else { return entry }
        return String(entry[entry.index(after: end)...])
    }

    /// A SHA-512 hash that no password produces.
    private static let hashOfNobody = "$6$abcdefghijklmnop$" + String(repeating: ".", count: 86)
}

private struct PlainExchange: SASLExchange {
    let service: EmbeddedPasswordService

    func respond(_ base64: String) async -> SASLStep {
        await service.plain(base64, invalid: SASLReason.invalidResponse)
    }

    func abort() {}
}

/// LOGIN asks for the name, unless it came at once, and then for the password.
private final class LoginExchange: SASLExchange {
    private let service: EmbeddedPasswordService
    private let name: Name

    /// Responses of one exchange come one after the other.
    private actor Name {
        var value: String?
        init(_ value: String?) { self.value = value }
        func set(_ text: String) { value = text }
    }

    init(service: EmbeddedPasswordService, name: String?) {
        self.service = service
        self.name = Name(name)
    }

    func respond(_ base64: String) async -> SASLStep {
        guard let bytes = Base64.decode(base64), let text = String(validating: bytes, as: UTF8.self) else {
            return .failure(reason: SASLReason.invalidResponse, username: await name.value)
        }
        guard let known = await name.value else {
            await name.set(text)
            return .challenge("UGFzc3dvcmQ6")
        }
        return await service.check(known, text)
    }

    func abort() {}
}
