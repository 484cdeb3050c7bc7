import COpenSSL
import MailSystem
import Submission

/// A private key of the SMTP server, and the certificates made of it.
final class ServerKey {
    enum Algorithm: String, CaseIterable {
        case rsa, ecdsa

        /// Bits, or the name of a curve.
        var defaultBits: String { self == .rsa ? "2048" : "prime256v1" }
        /// `key-…`, `eckey-…`: the names of files.
        var filePrefix: String { self == .rsa ? "" : "ec" }
        var certificateParameter: String { self == .rsa ? "smtpd_tls_cert_file" : "smtpd_tls_eccert_file" }
        var keyParameter: String { self == .rsa ? "smtpd_tls_key_file" : "smtpd_tls_eckey_file" }
    }

    let pointer: OpaquePointer

    private init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }

    /// Makes a new key.
    /// - Parameter bits: of an RSA key; a curve's name for ECDSA.
    static func generate(_ algorithm: Algorithm, bits: String) throws(CommandFailure) -> ServerKey {
        let failure = CommandFailure("error generating new \(algorithm.rawValue) \(bits) private key")
        guard let context = EVP_PKEY_CTX_new_from_name(nil, algorithm == .rsa ? "RSA" : "EC", nil) else {
            throw failure
        }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_keygen_init(context) == 1 else { throw failure }
        switch algorithm {
        case .rsa:
            // OpenSSL refuses what is too small or too large.
            guard let count = Int32(bits), EVP_PKEY_CTX_set_rsa_keygen_bits(context, count) == 1 else { throw failure }
        case .ecdsa:
            // secp256r1 is what the RFCs call OpenSSL's prime256v1.
            let curve = bits == "secp256r1" ? "prime256v1" : bits
            guard EVP_PKEY_CTX_set_group_name(context, curve) == 1 else { throw failure }
        }
        var key: OpaquePointer?
        guard EVP_PKEY_generate(context, &key) == 1, let key else { throw failure }
        return ServerKey(key)
    }

    /// The private key in a PEM file.
    static func read(_ path: String) throws(CommandFailure) -> ServerKey {
        let failure = CommandFailure("no private key found in file: \(path)")
        guard let text = try? Files.read(path, limit: 1 << 20) else { throw failure }
        // A key with a passphrase would make OpenSSL ask at the terminal; the server cannot use such a one.
        let key = PEMText.reading(text) { PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in -1 }, nil) }
        guard let key else { throw failure }
        return ServerKey(key)
    }

    /// Nil for a kind of key that the server has no parameters for.
    var algorithm: Algorithm? {
        switch EVP_PKEY_get_base_id(pointer) {
        case EVP_PKEY_RSA, EVP_PKEY_RSA_PSS: .rsa
        case EVP_PKEY_EC: .ecdsa
        default: nil
        }
    }

    /// The key in PKCS #8, PEM.
    func pem() throws(CommandFailure) -> [UInt8] {
        try PEMText.writing { PEM_write_bio_PKCS8PrivateKey($0, pointer, nil, nil, 0, nil, nil) }
    }

    /// SHA2-256 over the public key, as TLSA records `3 1 1` have it (RFC 6698 §2.1), in hexadecimal.
    func publicKeyDigest() throws(CommandFailure) -> String {
        let failure = CommandFailure("cannot encode public key")
        var encoded: UnsafeMutablePointer<UInt8>?
        let length = i2d_PUBKEY(pointer, &encoded)
        guard length > 0, let encoded else { throw failure }
        defer { CRYPTO_free(encoded, "", 0) }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard EVP_Digest(encoded, Int(length), &digest, &count, EVP_sha256(), nil) == 1 else { throw failure }
        let digits = Array("0123456789abcdef")
        return digest.prefix(Int(count)).map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
    }

    /// The first certificate of a PEM file belongs to this key.
    func matches(certificateIn path: String) -> Bool {
        guard let text = try? Files.read(path, limit: 1 << 20),
            let certificate = PEMText.reading(text, { PEM_read_bio_X509($0, nil, nil, nil) })
        else { return false }
        defer { X509_free(certificate) }
        return X509_check_private_key(certificate, pointer) == 1
    }
}

/// PEM through memory BIOs.
enum PEMText {
    static func reading<Value>(_ text: [UInt8], _ body: (OpaquePointer) -> Value?) -> Value? {
        let bio = text.withUnsafeBytes { BIO_new_mem_buf($0.baseAddress, Int32(clamping: $0.count)) }
        guard let bio else { return nil }
        defer { BIO_free(bio) }
        // The buffer is only borrowed: used while the array is alive.
        return withExtendedLifetime(text) { body(bio) }
    }

    static func writing(_ body: (OpaquePointer) -> Int32) throws(CommandFailure) -> [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { throw CommandFailure("out of memory") }
        defer { BIO_free(bio) }
        guard body(bio) == 1 else { throw CommandFailure("cannot encode in PEM") }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let count = BIO_read(bio, &chunk, 4096), count > 0 { result += chunk[..<Int(count)] }
        return result
    }
}
