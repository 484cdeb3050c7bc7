import Testing

@testable import TLS

struct DANETests {
    @Test(arguments: [
        (TLSARecord(usage: 3, selector: 1, matching: 1, data: Array(repeating: 1, count: 32)), true),
        (TLSARecord(usage: 2, selector: 0, matching: 2, data: Array(repeating: 1, count: 64)), true),
        (TLSARecord(usage: 3, selector: 1, matching: 1, data: [1, 2]), false),
        // RFC 7672 §3.1.3: mail does not use the usages of certification authorities.
        (TLSARecord(usage: 0, selector: 1, matching: 1, data: Array(repeating: 1, count: 32)), false),
        (TLSARecord(usage: 1, selector: 1, matching: 1, data: Array(repeating: 1, count: 32)), false),
        (TLSARecord(usage: 3, selector: 2, matching: 1, data: Array(repeating: 1, count: 32)), false),
        (TLSARecord(usage: 3, selector: 0, matching: 0, data: []), false),
    ])
    func whatMailCanUse(_ record: TLSARecord, _ usable: Bool) { #expect(record.isUsable == usable) }

    @Test func recordsAsText() {
        #expect(TLSARecord(usage: 3, selector: 1, matching: 1, data: [0x0A, 0xFF]).text == "3 1 1 0AFF")
    }

    @Test func fingerprintsMatchInAnyForm() {
        let certificate = TLSSessionInfo.PeerCertificate(
            commonName: "", issuer: "", fingerprint: "AA:BB", publicKeyFingerprint: "CC:DD", isTrusted: false,
            problem: "")
        #expect(FingerprintMatch.find(certificate, in: ["11:22", "aa:bb"]) == "AABB")
        #expect(FingerprintMatch.find(certificate, in: ["ccdd"]) == "CCDD")
        #expect(FingerprintMatch.find(certificate, in: ["", "11"]) == nil)
        #expect(FingerprintMatch.length(of: "sha256") == 32)
        #expect(FingerprintMatch.length(of: "foo") == nil)
    }
}
