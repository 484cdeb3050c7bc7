import COpenSSL

/// Reads what a finished handshake negotiated out of an `SSL`.
struct SessionDetails {
    let ssl: OpaquePointer
    let settings: TLSSettings
    let serverName: String
    let verifiedNames: [String]

    var info: TLSSessionInfo {
        var algorithmBits: CInt = 0
        let cipher = SSL_get_current_cipher(ssl)
        let usedBits = cipher.map { SSL_CIPHER_get_bits($0, &algorithmBits) } ?? 0
        var info = TLSSessionInfo(
            role: settings.role,
            protocolName: SSL_get_version(ssl).map { String(cString: $0) } ?? "",
            cipher: cipher.flatMap { SSL_CIPHER_get_name($0) }.map { String(cString: $0) } ?? "",
            usedBits: Int(usedBits), algorithmBits: Int(algorithmBits))
        info.isResumed = SSL_session_reused(ssl) == 1
        info.askedForClientCertificate = settings.asksForClientCertificate
        info.serverName = serverName
        if settings.role == .client { info.daneMatch = DANEMatch(ssl) }
        info.peerCertificate = peerCertificate(hasDANE: info.daneMatch != nil)
        if settings.collectsChain { info.chain = ChainDetails(ssl, settings: settings) }
        // Below TLS 1.3 the cipher's name tells key exchange and signature.
        if SSL_version(ssl) >= TLS1_3_VERSION {
            (info.keyExchange, info.keyExchangeDetail) = keyExchange()
            let isServer = settings.role == .server
            let mine = signature(own: true)
            let theirs = signature(own: false)
            info.serverSignature = isServer ? mine : theirs
            info.clientSignature = isServer ? theirs : mine
        }
        LibraryErrors.discard()
        return info
    }

    private func keyExchange() -> (String, String) {
        var key: OpaquePointer?
        guard apus_get_peer_tmp_key(ssl, &key) == 1, let key else { return ("", "") }
        defer { EVP_PKEY_free(key) }
        let type = EVP_PKEY_get_base_id(key)
        switch type {
        case EVP_PKEY_DH, EVP_PKEY_DHX: return ("DHE", "\(EVP_PKEY_get_bits(key)) bits")
        case EVP_PKEY_EC: return ("ECDHE", curve(key))
        default: return (shortName(type), "")
        }
    }

    /// The signature of our own certificate's key (`own`) or the peer's; nil when that side did not sign.
    private func signature(own: Bool) -> TLSSessionInfo.Signature? {
        var digest: CInt = 0
        let certificate: OpaquePointer?
        let known: CInt
        if own {
            certificate = SSL_get_certificate(ssl)
            known = apus_get_signature_nid(ssl, &digest)
        } else {
            certificate = SSL_get0_peer_certificate(ssl)
            known = apus_get_peer_signature_nid(ssl, &digest)
        }
        guard let certificate, let key = X509_get0_pubkey(certificate) else { return nil }
        // A client has a certificate of its own whether or not it was asked for one; only a signature tells.
        let signed = known == 1 && digest != NID_undef && SSL_session_reused(ssl) == 0
        if own, settings.role == .client, !signed { return nil }
        // A resumed session names the key, but nothing was signed.
        let digestName = signed ? shortName(digest) : ""
        let type = EVP_PKEY_get_base_id(key)
        switch type {
        case EVP_PKEY_RSA, EVP_PKEY_RSA_PSS:
            return .init(name: "RSA-PSS", detail: "\(EVP_PKEY_get_bits(key)) bits", digest: digestName)
        case EVP_PKEY_EC: return .init(name: "ECDSA", detail: curve(key), digest: digestName)
        default: return .init(name: shortName(type), detail: "", digest: digestName)
        }
    }

    private func curve(_ key: OpaquePointer) -> String {
        var name = [CChar](repeating: 0, count: 80)
        var length = 0
        guard EVP_PKEY_get_group_name(key, &name, name.count, &length) == 1 else { return "" }
        return String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func shortName(_ nid: CInt) -> String { OBJ_nid2sn(nid).map { String(cString: $0) } ?? "" }

    private func peerCertificate(hasDANE: Bool) -> TLSSessionInfo.PeerCertificate? {
        guard let certificate = SSL_get0_peer_certificate(ssl) else { return nil }
        let result = SSL_get_verify_result(ssl)
        let matches = result == Int(X509_V_OK)
        // A wrong name is found only after the chain was found good.
        let trusted = matches || result == Int(X509_V_ERR_HOSTNAME_MISMATCH)
        return .init(
            commonName: CertificateText.commonName(X509_get_subject_name(certificate)),
            issuer: CertificateText.commonName(X509_get_issuer_name(certificate)),
            fingerprint: CertificateText.fingerprint(certificate, digest: settings.fingerprintDigest),
            publicKeyFingerprint: CertificateText.keyFingerprint(certificate, digest: settings.fingerprintDigest),
            isTrusted: trusted, isVerified: matches && (hasDANE || !verifiedNames.isEmpty),
            problem: trusted ? "" : X509_verify_cert_error_string(result).map { String(cString: $0) } ?? "")
    }
}

/// Names and fingerprints of certificates, as text that is safe to log.
enum CertificateText {
    static func commonName(_ name: OpaquePointer?) -> String {
        guard let name else { return "" }
        let position = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard position >= 0, let entry = X509_NAME_get_entry(name, position),
            let data = X509_NAME_ENTRY_get_data(entry)
        else { return "" }
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&bytes, data)
        guard count >= 0, let bytes else { return "" }
        defer { CRYPTO_free(bytes, "", 0) }
        // Bound, and no control characters: names are the peer's choice.
        let clean = UnsafeBufferPointer(start: bytes, count: min(Int(count), 256)).map {
            $0 < 0x20 || $0 == 0x7F ? 0x3F : $0
        }
        return String(decoding: clean, as: UTF8.self)
    }

    static func fingerprint(_ certificate: OpaquePointer, digest: String) -> String {
        guard let kind = EVP_get_digestbyname(digest) else { return "" }
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: CUnsignedInt = 0
        guard X509_digest(certificate, kind, &bytes, &count) == 1 else { return "" }
        return hexadecimal(bytes.prefix(Int(count)))
    }

    static func keyFingerprint(_ certificate: OpaquePointer, digest: String) -> String {
        guard let kind = EVP_get_digestbyname(digest) else { return "" }
        var encoded: UnsafeMutablePointer<UInt8>?
        let length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded)
        guard length > 0, let encoded else { return "" }
        defer { CRYPTO_free(encoded, "", 0) }
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: CUnsignedInt = 0
        guard EVP_Digest(encoded, Int(length), &bytes, &count, kind, nil) == 1 else { return "" }
        return hexadecimal(bytes.prefix(Int(count)))
    }

    private static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            if !text.isEmpty { text.append(UInt8(ascii: ":")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
