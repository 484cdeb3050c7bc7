import Glibc
import MailSystem
import Submission
import Testing

@testable import Administration

struct ServerKeyTests {
    private static func temporary(_ bytes: [UInt8]) throws -> String {
        let path = "/tmp/apus-key-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).pem"
        try Files.writeAtomically(bytes, to: path, permissions: 0o600)
        return path
    }

    @Test(arguments: [(ServerKey.Algorithm.rsa, "2048"), (.ecdsa, "secp256r1"), (.ecdsa, "secp384r1")])
    func aNewKeyAndItsCertificateBelongTogether(_ algorithm: ServerKey.Algorithm, _ bits: String) throws {
        let key = try ServerKey.generate(algorithm, bits: bits)
        let maker = try CertificateMaker(key: key, hosts: ["mail.example.com", "www.example.com"])
        let keyFile = try Self.temporary(try key.pem())
        let certificate = try Self.temporary(try maker.certificate())
        let both = try Self.temporary(try key.pem() + maker.certificate())
        defer { for path in [keyFile, certificate, both] { unlink(path) } }
        let read = try ServerKey.read(keyFile)
        #expect(read.algorithm == algorithm)
        #expect(read.matches(certificateIn: certificate))
        #expect(try ServerKey.read(both).matches(certificateIn: both))
        #expect(try read.publicKeyDigest() == key.publicKeyDigest())
        #expect(!(try ServerKey.generate(.ecdsa, bits: "secp256r1").matches(certificateIn: certificate)))
        #expect(throws: CommandFailure.self) { try ServerKey.read(certificate) }
        #expect(try String(decoding: maker.request(), as: UTF8.self).hasPrefix("-----BEGIN CERTIFICATE REQUEST-----\n"))
    }

    /// openssl(1) reads what we write: `openssl x509 -noout -subject -ext …`.
    @Test(.enabled(if: Files.isExecutable("/usr/bin/openssl")))
    func opensslReadsTheCertificate() throws {
        let key = try ServerKey.generate(.ecdsa, bits: "prime256v1")
        let certificate = try Self.temporary(
            try CertificateMaker(key: key, hosts: ["mail.example.com", "b.example"]).certificate())
        let request = try Self.temporary(try CertificateMaker(key: key, hosts: ["b.example"]).request())
        let output = "\(certificate).text"
        defer { for path in [certificate, request, output] { unlink(path) } }
        let descriptor = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let pid = try Spawn(
            executable: "/bin/sh",
            arguments: [
                "sh", "-c",
                "openssl x509 -in \(certificate) -noout -subject -issuer -ext basicConstraints,extendedKeyUsage,subjectAltName && openssl req -in \(request) -noout -verify -text 2>&1",
            ], environment: ["PATH=/usr/bin:/bin"], descriptors: [1: descriptor, 2: descriptor]
        ).start()
        close(descriptor)
        guard case .exited(0) = ProcessStatus.wait(for: pid) else {
            Issue.record("\(try Files.readText(output))")
            return
        }
        let text = try Files.readText(output)
        for part in [
            "subject=CN = mail.example.com", "issuer=CN = mail.example.com", "CA:FALSE",
            "TLS Web Server Authentication, TLS Web Client Authentication", "DNS:mail.example.com, DNS:b.example",
            "DNS:b.example\n",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
    }

    @Test(arguments: ["a b", "", "x\ny", "a,DNS:b"])
    func namesThatAreNoneAreRefused(_ name: String) throws {
        let key = try ServerKey.generate(.ecdsa, bits: "prime256v1")
        #expect(throws: CommandFailure.self) { try CertificateMaker(key: key, hosts: [name]) }
    }

    @Test func unknownCurvesAndSizesAreErrors() {
        #expect(throws: CommandFailure.self) { try ServerKey.generate(.ecdsa, bits: "foo") }
        #expect(throws: CommandFailure.self) { try ServerKey.generate(.rsa, bits: "foo") }
        #expect(throws: CommandFailure.self) { try ServerKey.generate(.rsa, bits: "12") }
    }
}
