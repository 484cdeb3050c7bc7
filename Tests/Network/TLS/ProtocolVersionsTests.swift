import TLS
import Testing

@Suite struct ProtocolVersionsTests {
    @Test func boundsExclusionsAndNames() throws {
        let lower = try #require(ProtocolVersions(">=TLSv1.2, !SSLv2"))
        #expect(lower.minimum == .tls12 && lower.maximum == nil && lower.excluded.isEmpty)
        let old = try #require(ProtocolVersions("!SSLv2, !SSLv3 !TLSv1"))
        #expect(old.excluded == [.sslv3, .tlsv1])
        let names = try #require(ProtocolVersions("TLSv1.2 tlsv1.3"))
        #expect(names.excluded == [.sslv3, .tlsv1, .tls11])
        #expect(ProtocolVersions(">=TLSv9") == nil && ProtocolVersions("TSLv1") == nil)
        #expect(ProtocolVersions("")?.excluded == [])
    }

    @Test func cipherListsCarryTheirExclusions() {
        let list = CipherList.text(grade: "high", exclusions: ["aNULL, MD5", "", "RC4:DES"]) { name in
            name == "tls_high_cipherlist" ? "HIGH" : ""
        }
        #expect(list == "HIGH:!aNULL:!MD5:!RC4:!DES")
    }
}
