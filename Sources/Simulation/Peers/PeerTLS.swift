import COpenSSL

/// TLS as a peer outside speaks it: one connection, on OpenSSL's own memory BIOs, without the code that is under test.
final class PeerTLS {
    enum Role { case client, server }

    private let ssl: OpaquePointer
    /// Ciphertext: from the machine, and to it.
    private let input: OpaquePointer
    private let output: OpaquePointer
    private(set) var isEstablished = false
    private(set) var hasFailed = false

    /// One for each role, for the life of the process.
    private static let contexts = (client: context(TLS_client_method()), server: context(TLS_server_method()))

    private static func context(_ method: OpaquePointer?) -> Unchecked<OpaquePointer?> {
        guard let context = SSL_CTX_new(method) else { return Unchecked(nil) }
        var text = Array(SimulatedKey.pair.utf8)
        text.append(0x0A)
        let isLoaded = text.withUnsafeBytes { bytes -> Bool in
            guard let bio = BIO_new_mem_buf(bytes.baseAddress, CInt(bytes.count)) else { return false }
            defer { BIO_free(bio) }
            guard let key = PEM_read_bio_PrivateKey(bio, nil, nil, nil),
                let certificate = PEM_read_bio_X509(bio, nil, nil, nil)
            else { return false }
            defer {
                EVP_PKEY_free(key)
                X509_free(certificate)
            }
            return SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1
        }
        // No sessions: what one run leaves would change the next one.
        _ = apus_ctx_set_cache_mode(context, 0)
        SSL_CTX_set_options(context, apus_op_no_ticket())
        return Unchecked(isLoaded ? context : nil)
    }

    init?(_ role: Role) {
        let context = role == .client ? Self.contexts.client.value : Self.contexts.server.value
        guard let context, let ssl = SSL_new(context), let input = BIO_new(BIO_s_mem()),
            let output = BIO_new(BIO_s_mem())
        else { return nil }
        self.ssl = ssl
        self.input = input
        self.output = output
        SSL_set_bio(ssl, input, output)
        if role == .client { SSL_set_connect_state(ssl) } else { SSL_set_accept_state(ssl) }
        shakeHands()
    }

    deinit { SSL_free(ssl) }

    private func shakeHands() {
        guard !isEstablished, !hasFailed else { return }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            isEstablished = true
        } else {
            check(result)
        }
    }

    private func check(_ result: CInt) {
        let error = SSL_get_error(ssl, result)
        if error != SSL_ERROR_WANT_READ, error != SSL_ERROR_WANT_WRITE { hasFailed = true }
    }

    /// - Returns: the plaintext in it.
    func take(_ bytes: [UInt8]) -> [UInt8] {
        guard !hasFailed, !bytes.isEmpty else { return [] }
        BIO_write(input, bytes, CInt(bytes.count))
        shakeHands()
        var plain: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while isEstablished, !hasFailed {
            ERR_clear_error()
            let count = SSL_read(ssl, &buffer, CInt(buffer.count))
            guard count > 0 else {
                check(count)
                break
            }
            plain += buffer[..<Int(count)]
        }
        return plain
    }

    /// Encrypts; `ciphertext` has it then.
    func put(_ bytes: [UInt8]) {
        guard isEstablished, !hasFailed, !bytes.isEmpty else { return }
        ERR_clear_error()
        let count = SSL_write(ssl, bytes, CInt(bytes.count))
        if count <= 0 { check(count) }
    }

    /// What is to go to the machine.
    func ciphertext() -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = BIO_read(output, &buffer, CInt(buffer.count))
            guard count > 0 else { return bytes }
            bytes += buffer[..<Int(count)]
        }
    }
}
