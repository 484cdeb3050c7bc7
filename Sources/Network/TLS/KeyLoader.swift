import COpenSSL

/// Reads certificates, keys and trust anchors into an OpenSSL context.
struct KeyLoader {
    let context: OpaquePointer
    let settings: TLSSettings

    func load() throws(TLSConfigurationError) {
        try loadTrust()
        if settings.chainFiles.isEmpty {
            for pair in settings.keyPairs where pair.certificateFile != "none" { try load(pair) }
        } else {
            for file in settings.chainFiles { try loadChain(file) }
        }
    }

    private func loadTrust() throws(TLSConfigurationError) {
        if !settings.trustAnchorFiles.isEmpty { return try loadAnchors() }
        let file = settings.caFile
        let path = settings.caPath
        if !file.isEmpty || !path.isEmpty {
            let loaded = SSL_CTX_load_verify_locations(context, file.isEmpty ? nil : file, path.isEmpty ? nil : path)
            guard loaded == 1 else {
                let name = file.isEmpty ? path : file
                let kind = file.isEmpty ? "directory" : "file"
                throw TLSConfigurationError(
                    "cannot load Certification Authority data, CA\(file.isEmpty ? "path" : "file")=\"\(name)\" (\(kind)): disabling TLS support",
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

    /// A file with a private key followed by its certificate chain; several such files load several key types.
    private func loadChain(_ file: String) throws(TLSConfigurationError) {
        guard SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) == 1,
            SSL_CTX_use_certificate_chain_file(context, file) == 1,
            SSL_CTX_check_private_key(context) == 1
        else {
            throw TLSConfigurationError(
                "error loading chain from \(file): disabling TLS support", libraryErrors: LibraryErrors.take())
        }
    }
}
