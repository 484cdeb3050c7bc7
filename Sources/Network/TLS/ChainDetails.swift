import COpenSSL

/// Everything that a look at a peer's certificates gives: for tools that show it. Ordinary sessions do without.
public struct ChainDetails: Sendable, Equatable {
    public struct Certificate: Sendable, Equatable {
        /// `/O=Test/CN=Test CA`
        public var subject: String
        public var issuer: String
        public var fingerprint: String
        public var publicKeyFingerprint: String
        public var pem: String
    }

    /// As the peer sent them, its own first.
    public var certificates: [Certificate]
    /// OpenSSL's verdict (X509_V_…): 0 is good.
    public var errorCode: Int
    public var errorText: String
    /// The name in the certificate that matched one that was asked for; empty when none did.
    public var matchedName: String
    /// Where in the verified chain a trust anchor of `TLSSettings.trustAnchorFiles` stands.
    public var anchorDepth: Int?

    /// The issuer that nobody vouches for, when that is the problem (X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT and its kin).
    public var untrustedIssuer: String? {
        let unknown = [
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        ].map { Int($0) }
        guard unknown.contains(errorCode) else { return nil }
        return certificates.last?.issuer
    }

    public var isSelfSigned: Bool {
        isProblem(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN)
    }

    public var isEarly: Bool {
        isProblem(X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD)
    }

    public var hasExpired: Bool {
        isProblem(X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD)
    }

    /// It is not for servers.
    public var hasOtherPurpose: Bool { isProblem(X509_V_ERR_INVALID_PURPOSE) }

    private func isProblem(_ codes: CInt...) -> Bool { codes.contains { Int($0) == errorCode } }

    init?(_ ssl: OpaquePointer, settings: TLSSettings) {
        guard let chain = SSL_get_peer_cert_chain(ssl) else { return nil }
        certificates = Self.certificates(chain).map {
            Certificate(
                subject: Self.text(X509_get_subject_name($0)), issuer: Self.text(X509_get_issuer_name($0)),
                fingerprint: CertificateText.fingerprint($0, digest: settings.fingerprintDigest),
                publicKeyFingerprint: CertificateText.keyFingerprint($0, digest: settings.fingerprintDigest),
                pem: Self.pem($0))
        }
        let result = SSL_get_verify_result(ssl)
        errorCode = result
        errorText = X509_verify_cert_error_string(result).map { String(cString: $0) } ?? ""
        matchedName = SSL_get0_peername(ssl).map { String(cString: $0) } ?? ""
        anchorDepth = nil
        if !settings.trustAnchorFiles.isEmpty, result == Int(X509_V_OK), let verified = SSL_get0_verified_chain(ssl) {
            anchorDepth = max(0, Int(apus_x509_count(verified)) - 1)
        }
    }

    /// A chain is the peer's choice: no more than a few are shown.
    private static func certificates(_ chain: OpaquePointer) -> [OpaquePointer] {
        (0..<min(apus_x509_count(chain), 32)).compactMap { apus_x509_at(chain, $0) }
    }

    static func text(_ name: OpaquePointer?) -> String {
        var buffer = [CChar](repeating: 0, count: 1024)
        guard let name, X509_NAME_oneline(name, &buffer, CInt(buffer.count)) != nil else { return "" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self)
    }

    private static func pem(_ certificate: OpaquePointer) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(bio) }
        guard PEM_write_bio_X509(bio, certificate) == 1 else { return "" }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let count = BIO_read(bio, &chunk, 4096), count > 0 { result += chunk[..<Int(count)] }
        return String(decoding: result, as: UTF8.self)
    }
}
