import Testing

@testable import Send

@Suite struct GreetingTests {
    private func settings(_ change: (inout ClientSettings) -> Void = { _ in }) -> ClientSettings {
        var settings = ClientSettings()
        settings.myHostname = "me.test"
        settings.heloName = "me.test"
        change(&settings)
        return settings
    }

    private func script(_ settings: ClientSettings, tls: TLSLevel = .none, canUseTLS: Bool = true)
        -> DialogueScript<Greeting>
    {
        DialogueScript(
            Greeting(
                settings: settings, peer: testPeer, tls: tls, canUseTLS: canUseTLS, detectsLoops: true,
                nexthop: "example.test"))
    }

    private struct NoFailure: Error {}

    private func failure(_ outcome: Greeting.Outcome?) throws -> ServerFailure {
        guard case .failed(let failure) = outcome else { throw NoFailure() }
        return failure
    }

    @Test func featuresComeFromEHLO() {
        var script = script(settings())
        let reply = "250-mx.test hello\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n250 SMTPUTF8"
        var features = ServerFeatures()
        (features.pipelining, features.eightBitMIME, features.dsn, features.smtpUTF8) = (true, true, true, true)
        features.sizeLimit = 1000
        #expect(script.play(["220 mx.test ESMTP", reply]) == .ready(features))
        #expect(script.sent == ["EHLO me.test"])
    }

    @Test func oldServersGetHELO() {
        var script = script(settings())
        #expect(script.play(["220 x", "502 what", "250 ok"]) == .ready(ServerFeatures()))
        #expect(script.sent == ["EHLO me.test", "HELO me.test"])
    }

    @Test(arguments: [
        (["554 5.7.1 go away"], "4.7.1", "host mx.test[192.0.2.25] refused to talk to me: 554 5.7.1 go away"),
        (["421 4.3.2 busy"], "4.3.2", "host mx.test[192.0.2.25] refused to talk to me: 421 4.3.2 busy"),
        (["220 x", "502 a", "550 b"], "5.0.0", "host mx.test[192.0.2.25] refused to talk to me: 550 b"),
        (["LOST"], "4.4.2", "lost connection with mx.test[192.0.2.25] while receiving the initial server greeting"),
        (
            ["TIMEOUT"], "4.4.2",
            "conversation with mx.test[192.0.2.25] timed out while receiving the initial server greeting"
        ),
        (["220 x", "LOST"], "4.4.2", "lost connection with mx.test[192.0.2.25] while performing the EHLO handshake"),
        (
            ["220 x", "502 a", "LOST"], "4.4.2",
            "lost connection with mx.test[192.0.2.25] while performing the HELO handshake"
        ),
        (["220 x", "250 me.test"], "5.4.6", "mail for example.test loops back to myself"),
    ])
    func failures(replies: [String], status: String, reason: String) throws {
        var script = script(settings())
        let failure = try failure(script.play(replies))
        #expect(failure.status == status && failure.reason == reason)
    }

    @Test func a5xxGreetingCountsWhenItIsNotSkipped() throws {
        var script = script(settings { $0.skips5xxGreeting = false })
        #expect(try failure(script.play(["554 5.7.1 no"])).status == "5.7.1")
    }

    private static let offer = "250-mx\r\n250 STARTTLS"

    @Test func startTLSIsFollowedByASecondEHLO() {
        var script = script(settings(), tls: .may)
        let outcome = script.play(["220 x", Self.offer, "220 go", "250-mx\r\n250 PIPELINING"])
        var features = ServerFeatures()
        features.pipelining = true
        #expect(outcome == .ready(features))
        #expect(script.sent == ["EHLO me.test", "STARTTLS", "(TLS)", "EHLO me.test"])
    }

    @Test func mayGoesOnInPlaintextAndEncryptDoesNot() throws {
        var plain = ServerFeatures()
        plain.startTLS = true
        var may = script(settings(), tls: .may)
        #expect(may.play(["220 x", Self.offer, "454 not now"]) == .ready(plain))
        var refused = script(settings(), tls: .encrypt)
        let failure1 = try failure(refused.play(["220 x", Self.offer, "454 4.7.0 not now"]))
        #expect(failure1.status == "4.7.0")
        #expect(
            failure1.reason == "TLS is required, but host mx.test[192.0.2.25] refused to start TLS: 454 4.7.0 not now")
        var missing = script(settings(), tls: .encrypt)
        let failure2 = try failure(missing.play(["220 x", "250 mx"]))
        #expect(failure2.status == "4.7.4")
        #expect(failure2.reason == "TLS is required, but was not offered by host mx.test[192.0.2.25]")
        var unable = script(settings(), tls: .encrypt, canUseTLS: false)
        #expect(
            try failure(unable.play(["220 x", Self.offer])).reason
                == "TLS is required, but our TLS engine is unavailable")
    }

    @Test func aBrokenHandshakeMayBeRetriedInPlaintext() throws {
        var may = script(settings(), tls: .may)
        let failed = try failure(may.play(["220 x", Self.offer, "220 go"], tls: .failed))
        #expect(failed.reason == "Cannot start TLS: handshake failure" && failed.mayRetryInPlaintext)
        var encrypt = script(settings(), tls: .encrypt)
        #expect(
            try failure(encrypt.play(["220 x", Self.offer, "220 go"], tls: .failed)).mayRetryInPlaintext
                == false)
    }

    @Test(arguments: [
        (TLSOutcome.untrusted, "Server certificate not trusted"), (.trusted, "Server certificate not verified"),
        (.failed, "Cannot start TLS: handshake failure"),
    ])
    func verificationIsNotOptional(outcome: TLSOutcome, reason: String) throws {
        var script = script(settings(), tls: .secure)
        let failed = try failure(script.play(["220 x", Self.offer, "220 go"], tls: outcome))
        #expect(failed.status == "4.7.5" && failed.reason == reason && !failed.mayRetryInPlaintext)
    }

    @Test func aVerifiedServerIsUsed() {
        var script = script(settings(), tls: .secure)
        #expect(script.play(["220 x", Self.offer, "220 go", "250 mx"], tls: .verified) == .ready(ServerFeatures()))
    }

    @Test func lmtpSaysLHLOAndNeverHELO() throws {
        var script = script(settings { $0.mode = .lmtp })
        let failed = try failure(script.play(["220 x", "500 no"]))
        #expect(script.sent == ["LHLO me.test"])
        #expect(failed.status == "5.0.0")
    }

    @Test func discardedKeywordsAreNotUsed() {
        var script = script(settings { $0.discardedKeywords = ["starttls", "pipelining"] }, tls: .may)
        guard case .ready(let features) = script.play(["220 x", "250-mx\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 DSN"])
        else {
            Issue.record("no session")
            return
        }
        #expect(!features.pipelining && !features.startTLS && features.dsn)
        #expect(script.logged == ["discarding EHLO keywords: pipelining starttls"])
    }
}
