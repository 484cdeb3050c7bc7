import Lookup
import MailSyntax
import MailSystem
import Runtime
import TestSupport
import Testing

@testable import Receive

private struct Accounts: LookupTable {
    let name = "test:accounts"
    let takesWholeKeyOnly = false
    let values: [String: String]

    func find(_ key: String) async throws(LookupError) -> String? {
        if key == "broken" { throw LookupError(table: name, reason: "out of order") }
        return values[key]
    }
}

@Suite struct EmbeddedPasswordServiceTests {
    private let service = EmbeddedPasswordService(
        table: Accounts(values: [
            // crypt(3) of `secret` under the salt `saltsalt`.
            "jane": "{SHA512-CRYPT}" + (PasswordHash.crypt("secret", setting: "$6$saltsalt$") ?? ""),
            "joe@example.com": "{PLAIN}word",
        ]), localDomain: "example.com", pool: BlockingPool(), log: MailLog(tag: "test", sink: MemoryLogSink()))

    private let peer = SASLPeer(clientAddress: "198.51.100.10", secured: true)

    private func plain(_ name: String, _ password: String, identity: String = "") async -> SASLStep {
        let response = Base64.encode(Array("\(identity)\0\(name)\0\(password)".utf8))
        return await service.begin(mechanism: "PLAIN", initialResponse: response, peer: peer).1
    }

    @Test func `the right password opens`() async {
        #expect(await plain("jane", "secret") == .success(username: "jane"))
        #expect(await plain("joe", "word") == .success(username: "joe@example.com"))
    }

    @Test func `wrong passwords, unknown names and other identities do not`() async {
        let refused = SASLStep.failure(reason: "(reason unavailable)", username: "jane")
        #expect(await plain("jane", "secre") == refused)
        #expect(await plain("jane", "") == refused)
        #expect(await plain("nobody", "secret") == .failure(reason: "(reason unavailable)", username: "nobody"))
        guard case .failure = await plain("jane", "secret", identity: "joe") else {
            Issue.record("another identity was accepted")
            return
        }
    }

    @Test func `a broken table is no wrong password`() async {
        guard case .unavailable = await plain("broken", "x") else {
            Issue.record("a lookup failure became a verdict")
            return
        }
    }

    @Test func `LOGIN asks for name and password`() async {
        let (exchange, first) = await service.begin(mechanism: "LOGIN", initialResponse: nil, peer: peer)
        #expect(first == .challenge("VXNlcm5hbWU6"))
        #expect(await exchange.respond(Base64.encode(Array("jane".utf8))) == .challenge("UGFzc3dvcmQ6"))
        #expect(await exchange.respond(Base64.encode(Array("secret".utf8))) == .success(username: "jane"))
    }

    @Test(arguments: ["=", "A", "AAAA", "AGphbmU=", "////"])
    func `garbage fails quietly`(response: String) async {
        let step = await service.begin(mechanism: "PLAIN", initialResponse: response, peer: peer).1
        guard case .failure = step else {
            Issue.record("\(response) gave \(step)")
            return
        }
    }

    @Test func `unknown mechanisms are named as such`() async {
        let step = await service.begin(mechanism: "CRAM-MD5", initialResponse: nil, peer: peer).1
        #expect(step == .failure(reason: "Invalid authentication mechanism", username: nil))
    }
}
