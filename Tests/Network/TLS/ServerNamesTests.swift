import Glibc
import MailSystem
import TestSupport
import Testing

@testable import TLS

@Suite final class ServerNamesTests {
    private let directory = "/tmp/apus-sni-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    init() throws {
        mkdir(directory, 0o700)
        let kinds = ["rsa": "rsa:2048", "ec": "ec -pkeyopt ec_paramgen_curve:prime256v1"]
        for (name, kind) in kinds {
            let command =
                "openssl req -x509 -newkey \(kind) -nodes -days 2 -subj /CN=\(name).example "
                + "-keyout \(directory)/\(name).key -out \(directory)/\(name).crt 2>/dev/null"
            try #require(system(command) == 0)
        }
    }

    deinit { _ = system("rm -rf \(directory)") }

    private func text(_ names: String...) -> [UInt8] {
        var bytes: [UInt8] = []
        for name in names {
            guard let file = fopen("\(directory)/\(name)", "r") else { continue }
            while case let byte = fgetc(file), byte >= 0 { bytes.append(UInt8(truncatingIfNeeded: byte)) }
            fclose(file)
        }
        return bytes
    }

    private func problem(_ chain: [UInt8]) -> String? {
        do throws(TLSConfigurationError) {
            _ = try TLSContext(TLSSettings(role: .server), chain: ChainText(bytes: chain, source: "SNI data for x"))
            return nil
        } catch {
            return error.warnings.first
        }
    }

    /// smtpd_tls_chain_files: a chain may go on in the next file.
    @Test func keysAndCertificatesMayStandInFilesOfTheirOwn() {
        func loading(_ names: String...) -> String? {
            var settings = TLSSettings(role: .server)
            settings.chainFiles = names.map { "\(directory)/\($0)" }
            do throws(TLSConfigurationError) {
                _ = try TLSContext(settings)
                return nil
            } catch {
                return error.warnings.first
            }
        }
        #expect(loading("rsa.key", "rsa.crt") == nil)
        #expect(loading("rsa.crt", "rsa.key")?.hasSuffix(": key not first") == true)
        #expect(loading("rsa.key", "nosuch")?.hasSuffix("/nosuch: No such file or directory") == true)
    }

    @Test func severalChainsLoad() {
        #expect(problem(text("rsa.key", "rsa.crt", "ec.key", "ec.crt")) == nil)
    }

    @Test func brokenChainsAreNamed() {
        #expect(problem(text("rsa.crt", "rsa.key")) == "error loading chain from SNI data for x: key not first")
        #expect(
            problem(text("rsa.key")) == "error loading chain from SNI data for x: key not followed by a certificate")
        #expect(
            problem(text("rsa.key", "ec.crt"))
                == "error loading chain from SNI data for x: key does not match the certificate")
        #expect(problem(Array("no keys".utf8)) == "No PEM data in SNI data for x")
        #expect(problem([]) == "No PEM data in SNI data for x")
    }

    @Test func namesAreLookedUpWithTheirParents() async {
        #expect(ServerNames.keys("a.b.example") == ["a.b.example", ".b.example", ".example"])
        #expect(ServerNames.keys("example") == ["example"])
        let sink = MemoryLogSink()
        let chain = text("ec.key", "ec.crt")
        let names = ServerNames(
            TLSSettings(role: .server), chains: { $0 == ".b.example" ? chain : nil },
            log: MailLog(tag: "smtpd", sink: sink))
        let first = await names.context(for: "A.B.example", peer: "p")
        #expect(first != nil)
        // One context for all names with the same chain.
        #expect(await names.context(for: "c.b.example", peer: "p") === first)
        #expect(await names.context(for: "other.example", peer: "p[192.0.2.1]") == nil)
        #expect(await names.context(for: "-bad-.example", peer: "p[192.0.2.1]") == nil)
        #expect(sink.contains("TLS SNI other.example from p[192.0.2.1] not matched, using default chain"))
        #expect(sink.contains("warning: TLS SNI from p[192.0.2.1] is invalid: -bad-.example"))
    }

    /// RFC 6066 §3: list length, type, name length, name.
    @Test(
        arguments: [
            ([0, 8, 0, 0, 5, 97, 46, 98, 46, 99], "a.b.c"), ([0, 8, 1, 0, 5, 97, 46, 98, 46, 99], nil),
            ([0, 9, 0, 0, 5, 97, 46, 98, 46, 99], nil), ([0, 8, 0, 0, 6, 97, 46, 98, 46, 99], nil),
            ([0, 4, 0, 0, 1, 0], nil), ([0, 3, 0, 0, 0], nil), ([], nil),
        ] as [([UInt8], String?)])
    func serverNameExtension(bytes: [UInt8], name: String?) { #expect(ClientHelloName.parse(bytes) == name) }
}
