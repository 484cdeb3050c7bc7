import COpenSSL

/// How an OpenSSL server makes and reads session tickets.
enum SessionTickets {
    /// tls_session_ticket_cipher: CBC mode, blocks of 128 bits, a key of 128 to 256 bits (postconf(5)). Nil for any other.
    static func cipher(_ name: String) -> OpaquePointer? {
        guard let cipher = EVP_get_cipherbyname(name) else { return nil }
        let fits =
            EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CBC_MODE && EVP_CIPHER_get_block_size(cipher) == 16
            && (16...32).contains(EVP_CIPHER_get_key_length(cipher))
        return fits ? cipher : nil
    }

    static func install(in context: OpaquePointer) {
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context) { ssl, name, vector, cipherContext, mac, encrypts in
            guard let ssl, let name, let vector, let cipherContext, let mac,
                let held = SSL_get_ex_data(ssl, 0)
            else { return -1 }
            let buffers = Unmanaged<TLSBuffers>.fromOpaque(held).takeUnretainedValue()
            guard let keyring = buffers.ticketKeys, let cipher = SessionTickets.cipher(buffers.ticketCipher) else {
                return encrypts == 1 ? -1 : 0
            }
            if encrypts == 1 {
                let keys = keyring.current
                guard RAND_bytes(vector, EVP_CIPHER_get_iv_length(cipher)) == 1,
                    EVP_EncryptInit_ex(cipherContext, cipher, nil, keys.cipher, vector) == 1,
                    SessionTickets.set(mac, keys)
                else { return -1 }
                for (index, byte) in keys.name.enumerated() { name[index] = byte }
                return 1
            }
            let wanted = Array(UnsafeBufferPointer(start: name, count: 16))
            guard let (keys, isOld) = keyring.keys(named: wanted) else { return 0 }
            guard SessionTickets.set(mac, keys),
                EVP_DecryptInit_ex(cipherContext, cipher, nil, keys.cipher, vector) == 1
            else { return -1 }
            // 2: resume, and send a new ticket.
            return isOld ? 2 : 1
        }
    }

    private static func set(_ mac: OpaquePointer, _ keys: TicketKeyring.Keys) -> Bool {
        var key = keys.mac
        return apus_set_ticket_mac(mac, &key, key.count) == 1
    }
}
