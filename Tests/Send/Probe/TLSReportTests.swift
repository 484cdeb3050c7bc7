import TLS
import Testing

@testable import Send

/// Expected texts are those of Debian's posttls-finger.
struct TLSReportTests {
    private static func report(
        _ arguments: [String], fingerprint: String = "AA:BB", isTrusted: Bool = false, isVerified: Bool = false
    ) throws -> TLSReport {
        var info = TLSSessionInfo(
            role: .client, protocolName: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", usedBits: 256, algorithmBits: 256)
        info.serverName = "sni.example"
        info.peerCertificate = .init(
            commonName: "mx.example.com", issuer: "Test CA", fingerprint: fingerprint, publicKeyFingerprint: "CC:DD",
            isTrusted: isTrusted, isVerified: isVerified, problem: "")
        let options = try FingerOptions(arguments + ["x"] + (arguments.contains("fingerprint") ? [fingerprint] : []))
        return TLSReport(
            options: options, level: options.level, peer: "mx[192.0.2.1]:25", info: info, digest: "sha256",
            isAgain: false)
    }

    @Test func aSessionWithoutProof() throws {
        let lines = try Self.report(["-l", "may"]).lines
        #expect(
            lines.map(\.text) == [
                "mx[192.0.2.1]:25: subject_CN=mx.example.com, issuer_CN=Test CA, fingerprint=AA:BB, pkey_fingerprint=CC:DD",
                "Untrusted TLS connection established to mx[192.0.2.1]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
            ])
    }

    @Test func fingerprintsOfTheWrongLengthAreUnusable() throws {
        let lines = try Self.report(["-l", "fingerprint"]).lines
        #expect(
            lines.filter(\.isWarning).map(\.text) == [
                "mx[192.0.2.1]:25: unusable TLSA RR: 3 1 255 AABB", "mx[192.0.2.1]:25: unusable TLSA RR: 3 0 255 AABB",
                "mx[192.0.2.1]:25: all fingerprints unusable",
            ])
    }

    @Test func optionsOfLoggingAreWords() throws {
        var warnings: [String] = []
        let none = FingerOptions.logOptions("none", { warnings.append($0) })
        #expect(none.isEmpty)
        #expect(FingerOptions.logOptions("2", { warnings.append($0) }).contains(.verbose))
        #expect(warnings.isEmpty)
        _ = FingerOptions.logOptions("summary,foo", { warnings.append($0) })
        #expect(warnings == ["unknown -L option value \"foo\" in \"summary,foo\""])
    }

    @Test(arguments: [
        (["-l", "bogus", "x"], "Invalid TLS level \"bogus\""), (["-a", "foo", "x"], "bad '-a' option value: foo"),
        (["-M", "foo", "x"], "bad '-M' option value: foo"),
        (["-k", "a", "-H", "b", "x"], "the '-H' option may not be used with '-k' or '-K'"),
    ])
    func mistakesAreFatal(_ arguments: [String], _ text: String) {
        do {
            _ = try FingerOptions(arguments)
            Issue.record("accepted")
        } catch FingerOptions.Failure.fatal(let found) {
            #expect(found == text)
        } catch {
            Issue.record("\(error)")
        }
    }
}
