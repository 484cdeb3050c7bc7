import COpenSSL
import MailSystem

/// Reads certificates, keys and trust anchors into an OpenSSL context.
struct KeyLoader {
    let context: OpaquePointer
    let settings: TLSSettings

    func load() throws(TLSConfigurationError) {
        try loadTrust()
        if settings.chainFiles.isEmpty {
            for pair in settings.keyPairs where pair.certificateFile != "none" { try load(pair) }
        } else {
            try loadChains()
        }
    }

    private func loadTrust() throws(TLSConfigurationError) {
        if !settings.trustAnchorFiles.isEmpty { return try loadAnchors() }
        let file = settings.caFile
        let path = settings.caPath
        if !file.isEmpty || !path.isEmpty {
            let loaded = SSL_CTX_load_verify_locations(context, file.isEmpty ? nil : file, path.isEmpty ? nil : path)
            guard loaded == 1 else {
                let names = [("CAfile", file), ("CApath", path)].filter { !$0.1.isEmpty }
                    .map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ", ")
                throw TLSConfigurationError(
                    "cannot load Certification Authority data, \(names): disabling TLS support",
                    libraryErrors: LibraryErrors.take())
            }
            if settings.appendDefaultCA { SSL_CTX_set_default_verify_paths(context) }
        } else if settings.appendDefaultCA {
            SSL_CTX_set_default_verify_paths(context)
        }
        // The names of acceptable issuers go into the certificate request.
        if settings.asksForClientCertificate, !file.isEmpty, let names = SSL_load_client_CA_file(file) {
            SSL_CTX_set_client_CA_list(context, names)
        }
    }

    private func loadAnchors() throws(TLSConfigurationError) {
        guard let store = SSL_CTX_get_cert_store(context) else { return }
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        for file in settings.trustAnchorFiles {
            guard let bio = BIO_new_file(file, "r") else {
                throw TLSConfigurationError(
                    "error opening trust anchor file: \(file)", libraryErrors: LibraryErrors.take())
            }
            defer { BIO_free(bio) }
            var count = 0
            while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
                X509_STORE_add_cert(store, certificate)
                X509_free(certificate)
                count += 1
            }
            LibraryErrors.discard()
            if count == 0 { throw TLSConfigurationError("no trust anchor found in file: \(file)") }
        }
    }

    private func load(_ pair: TLSSettings.KeyPair) throws(TLSConfigurationError) {
        guard SSL_CTX_use_certificate_chain_file(context, pair.certificateFile) == 1 else {
            throw TLSConfigurationError(
                "cannot get \(pair.kind) certificate from file \"\(pair.certificateFile)\": disabling TLS support",
                libraryErrors: LibraryErrors.take())
        }
        guard SSL_CTX_use_PrivateKey_file(context, pair.keyFile, SSL_FILETYPE_PEM) == 1 else {
            throw TLSConfigurationError(
                "cannot get \(pair.kind) private key from file \"\(pair.keyFile)\": disabling TLS support",
                libraryErrors: LibraryErrors.take())
        }
        guard SSL_CTX_check_private_key(context) == 1 else {
            throw TLSConfigurationError(
                "\(pair.kind) private key in \(pair.keyFile) does not match public key in \(pair.certificateFile): disabling TLS support",
                libraryErrors: LibraryErrors.take())
        }
    }

    /// Private keys, each followed by its certificate chain. A chain may go on in the next file: keys and certificates
    /// in files of their own are one list.
    private func loadChains() throws(TLSConfigurationError) {
        var bytes: [UInt8] = []
        for file in settings.chainFiles {
            do {
                bytes += try Files.read(file, limit: 1 << 20)
            } catch {
                throw TLSConfigurationError("error opening chain file: \(file): \(error.reason)")
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        try ChainText(bytes: bytes, source: settings.chainFiles.joined(separator: ", ")).load(into: context)
    }
}
