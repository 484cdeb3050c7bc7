import Configuration
import Testing

@testable import Receive

@Suite struct SASLSettingsTests {
    private let all = [
        SASLMechanism(name: "PLAIN", properties: .plaintext),
        SASLMechanism(name: "DIGEST-MD5", properties: [.dictionary, .active]),
        SASLMechanism(name: "ANONYMOUS", properties: .anonymous),
        SASLMechanism(name: "GSSAPI", properties: [.forwardSecrecy, .mutualAuthentication]),
    ]

    @Test(arguments: [
        ("noanonymous", "PLAIN DIGEST-MD5 GSSAPI"), ("noanonymous, noplaintext", "DIGEST-MD5 GSSAPI"),
        ("", "PLAIN DIGEST-MD5 ANONYMOUS GSSAPI"), ("forward_secrecy", "GSSAPI"),
        ("nodictionary noanonymous", "PLAIN GSSAPI"),
    ])
    func `security options choose the mechanisms`(options: String, offered: String) {
        let settings = SASLSettings(Parameters(values: ["smtpd_sasl_security_options": options]))
        #expect(settings.offered(all, encrypted: false).map(\.name).joined(separator: " ") == offered)
    }

    @Test func `encrypted sessions have options of their own`() {
        let settings = SASLSettings(
            Parameters(values: [
                "smtpd_sasl_security_options": "noanonymous, noplaintext",
                "smtpd_sasl_tls_security_options": "noanonymous",
            ]))
        #expect(settings.offered(all, encrypted: true).map(\.name) == ["PLAIN", "DIGEST-MD5", "GSSAPI"])
    }

    @Test func `names that mean nothing are found`() {
        #expect(SASLSettings.unknownOptions(in: ["noanonymous", "noplain"]) == ["noplain"])
    }
}
