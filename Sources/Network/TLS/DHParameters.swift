import COpenSSL
import MailSystem

/// Parameters of DHE key exchanges, TLS 1.2 and below (smtpd_tls_dh1024_param_file).
public enum DHParameters {
    /// - Parameter file: PEM. Empty or `auto`: OpenSSL chooses by the strength of certificate and cipher.
    /// - Returns: what `TLSSettings.dhParameters` takes, and what Postfix logs when the file is of no use: OpenSSL chooses
    ///   then, too.
    public static func load(_ file: String) -> (pem: [UInt8], warnings: [String]) {
        if file.isEmpty || file == "auto" { return ([], []) }
        let pem: [UInt8]
        do {
            pem = try Files.read(file, limit: 1 << 20)
        } catch {
            let text = "error opening DH parameter file \"\(file)\": \(error.reason) -- using compiled-in defaults"
            return ([], [text])
        }
        LibraryErrors.discard()
        guard let parameters = decode(pem) else {
            let text = "error decoding DH parameters from file \"\(file)\" -- using compiled-in defaults"
            return ([], TLSConfigurationError(text, libraryErrors: LibraryErrors.take()).warnings)
        }
        EVP_PKEY_free(parameters)
        return (pem, [])
    }

    /// - Returns: the caller's own.
    private static func decode(_ pem: [UInt8]) -> OpaquePointer? {
        guard let memory = BIO_new_mem_buf(pem, CInt(clamping: pem.count)) else { return nil }
        defer { BIO_free(memory) }
        guard let parameters = PEM_read_bio_Parameters(memory, nil) else { return nil }
        if EVP_PKEY_is_a(parameters, "DH") == 1 || EVP_PKEY_is_a(parameters, "DHX") == 1 { return parameters }
        EVP_PKEY_free(parameters)
        return nil
    }

    /// - Parameter pem: of `load`; empty: OpenSSL chooses.
    static func set(_ pem: [UInt8], in context: OpaquePointer) {
        if !pem.isEmpty, let parameters = decode(pem) {
            // Taken over by the context.
            if SSL_CTX_set0_tmp_dh_pkey(context, parameters) == 1 { return }
            EVP_PKEY_free(parameters)
        }
        _ = apus_ctx_set_dh_auto(context, 1)
    }
}
