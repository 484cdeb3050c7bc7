import COpenSSL

/// Keys and certificate chains as text (PEM, RFC 7468): each key, then its certificate, then those of its issuers; other
/// keys with theirs may follow. The value of a tls_server_sni_maps entry.
struct ChainText {
    let bytes: [UInt8]
    /// For messages.
    let source: String

    /// Loads all of it into a context.
    func load(into context: OpaquePointer) throws(TLSConfigurationError) {
        guard let bio = BIO_new_mem_buf(bytes, CInt(clamping: bytes.count)) else { throw problem("no memory") }
        defer { BIO_free(bio) }
        var key: OpaquePointer?
        var leaf: OpaquePointer?
        var issuers = apus_certificates_new()
        var count = 0
        defer {
            EVP_PKEY_free(key)
            X509_free(leaf)
            apus_certificates_free(issuers)
        }
        func finish() throws(TLSConfigurationError) {
            guard let loaded = key else { return }
            guard let certificate = leaf else { throw problem("key not followed by a certificate") }
            guard SSL_CTX_use_cert_and_key(context, certificate, loaded, issuers, 1) == 1 else {
                throw problem("key does not match the certificate")
            }
            EVP_PKEY_free(key)
            X509_free(leaf)
            apus_certificates_free(issuers)
            (key, leaf, issuers) = (nil, nil, apus_certificates_new())
        }
        while let (type, data) = Self.next(bio) {
            count += 1
            if Self.isCertificate(type) {
                guard key != nil else { throw problem("key not first") }
                guard let certificate = Self.certificate(data) else {
                    throw problem("error loading certificate (PEM object number \(count))")
                }
                if leaf == nil { leaf = certificate } else { _ = apus_certificates_push(issuers, certificate) }
            } else if Self.isKey(type) {
                try finish()
                guard let loaded = Self.key(data) else {
                    throw problem("error loading private key (PEM object number \(count))")
                }
                key = loaded
            }
        }
        try finish()
        if count == 0 { throw TLSConfigurationError("No PEM data in \(source)") }
        LibraryErrors.discard()
    }

    private func problem(_ text: String) -> TLSConfigurationError {
        TLSConfigurationError("error loading chain from \(source): \(text)", libraryErrors: LibraryErrors.take())
    }

    static func isCertificate(_ type: String) -> Bool { type == "CERTIFICATE" || type == "X509 CERTIFICATE" }

    static func isKey(_ type: String) -> Bool { type.hasSuffix("PRIVATE KEY") }

    /// Calls `body` with the type and the content of each object.
    static func forEach(_ bytes: [UInt8], _ body: (String, [UInt8]) -> Void) {
        guard let bio = BIO_new_mem_buf(bytes, CInt(clamping: bytes.count)) else { return }
        defer { BIO_free(bio) }
        while let (type, data) = next(bio) { body(type, data) }
    }

    private static func next(_ bio: OpaquePointer) -> (type: String, data: [UInt8])? {
        var name: UnsafeMutablePointer<CChar>?
        var header: UnsafeMutablePointer<CChar>?
        var data: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard PEM_read_bio(bio, &name, &header, &data, &count) == 1 else { return nil }
        defer {
            CRYPTO_free(name, "", 0)
            CRYPTO_free(header, "", 0)
            CRYPTO_free(data, "", 0)
        }
        guard let name, let data else { return nil }
        return (String(cString: name), Array(UnsafeBufferPointer(start: data, count: count)))
    }

    static func certificate(_ data: [UInt8]) -> OpaquePointer? {
        data.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            return d2i_X509(nil, &position, buffer.count)
        }
    }

    private static func key(_ data: [UInt8]) -> OpaquePointer? {
        data.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            return d2i_AutoPrivateKey(nil, &position, buffer.count)
        }
    }
}
