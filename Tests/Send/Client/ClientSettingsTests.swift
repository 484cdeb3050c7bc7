import Configuration
import Testing

@testable import Send

@Suite struct ClientSettingsTests {
    private func settings(_ values: [String: String], program: String = "smtp") -> ClientSettings {
        ClientSettings(Parameters(values: values), program: program)
    }

    @Test("each program has keywords of its own to discard")
    func discardedKeywords() {
        let values = [
            "smtp_discard_ehlo_keywords": "PIPELINING, silent-discard", "lmtp_discard_lhlo_keywords": "chunking",
        ]
        #expect(settings(values).discardedKeywords == ["pipelining"])
        #expect(settings(values).discardsSilently)
        #expect(settings(values, program: "lmtp").discardedKeywords == ["chunking"])
        #expect(!settings(values, program: "lmtp").discardsSilently)
    }

    @Test(
        "smtp_enforce_tls wants a certificate that verifies, unless smtp_tls_enforce_peername is no (postconf(5))",
        arguments: [
            (["smtp_enforce_tls": "yes"], TLSLevel.verify),
            (["smtp_enforce_tls": "yes", "smtp_tls_enforce_peername": "no"], .encrypt),
            (["smtp_enforce_tls": "yes", "smtp_tls_security_level": "may"], .may),
            (["smtp_use_tls": "yes"], .may), ([:], .none),
        ])
    func levels(_ values: [String: String], _ level: TLSLevel) {
        #expect(settings(values).tlsLevel == level)
    }
}
