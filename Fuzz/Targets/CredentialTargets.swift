import COpenSSL
import MailSyntax
import Runtime

@testable import Lookup
@testable import Receive
@testable import TLS

extension FuzzTarget {
    private static let passwords = BlockingPool(maximumThreads: 1)

    /// PLAIN and LOGIN: nobody gets in without the password.
    static let sasl = FuzzTarget("sasl") { input in
        let service = EmbeddedPasswordService(
            table: OnePassword(), localDomain: "test", pool: passwords, log: opener.log)
        wait {
            var fields = InputReader(input)
            let mechanism = fields.byte() & 1 == 0 ? "PLAIN" : "LOGIN"
            let texts = [fields.text(), fields.text(), fields.text()]
            let peer = SASLPeer(clientAddress: "192.0.2.1", secured: false)
            var (exchange, step) = await service.begin(mechanism: mechanism, initialResponse: texts[0], peer: peer)
            var last = texts[0]
            for text in texts.dropFirst() {
                guard case .challenge(let challenge) = step else { break }
                require(Base64.decode(challenge) != nil, "a challenge is base64")
                last = text
                step = await exchange.respond(text)
            }
            guard case .success(let username) = step else { return }
            let given = Base64.decode(last) ?? []
            let end = Array((mechanism == "PLAIN" ? "\0secret" : "secret").utf8)
            require(given.suffix(end.count) == end[...], "the password")
            require(mechanism == "LOGIN" || given.count > end.count + 1, "a name")
            require(mechanism == "PLAIN" || given == end, "the password and nothing else")
            _ = username
        }
    }

    private struct OnePassword: LookupTable {
        let name = "fuzz:"
        let takesWholeKeyOnly = true
        func find(_ key: String) async throws(LookupError) -> String? { "{PLAIN}secret" }
    }

    /// Names in certificates (DER): text for one line of a log.
    static let certificateNames = FuzzTarget("certificate-names") { input in
        let name = input.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            return d2i_X509_NAME(nil, &position, buffer.count)
        }
        guard let name else { return ERR_clear_error() }
        defer { X509_NAME_free(name) }
        for text in [CertificateText.commonName(name), ChainDetails.text(name)] {
            require(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "one line: \(text)")
            require(text.utf8.count <= 3 * 1024, "a bounded text")
        }
    }
}
