import COpenSSL
import Glibc
import NIOConcurrencyHelpers
import NIOCore

/// Keys, trust anchors, protocols and ciphers of TLS servers or clients: an `SSL_CTX`. Made before chroot and privilege
/// drop, because it reads files; shared by all sessions and event loops of the process.
// Sendable by hand: OpenSSL's SSL_CTX is reference counted and locked for concurrent SSL_new, and nothing here changes
// after init but the session cache, which has its own lock.
public final class TLSContext: @unchecked Sendable {
    public let settings: TLSSettings
    let pointer: OpaquePointer
    /// Contexts for the names that clients ask for; nil when only one is served, and no name is looked at.
    let serverNames: ServerNames?
    /// Nil where session tickets are not made.
    let ticketKeys: TicketKeyring?
    private let chain: ChainText?
    let clientSessions = ClientSessionCache(limit: 1000)

    /// Reads certificates and keys.
    /// - Parameters:
    ///   - serverNames: for servers: contexts by the name that the client asks for (tls_server_sni_maps).
    ///   - ticketKeys: for servers: keys that other processes may have too; nil for OpenSSL's own, which end with the
    ///     context.
    public convenience init(
        _ settings: TLSSettings, serverNames: ServerNames? = nil, ticketKeys: TicketKeyring? = nil
    ) throws(TLSConfigurationError) {
        try self.init(settings, chain: nil, serverNames: serverNames, ticketKeys: ticketKeys)
    }

    /// - Parameter chain: keys and certificates besides those of the settings.
    init(
        _ settings: TLSSettings, chain: ChainText?, serverNames: ServerNames? = nil, ticketKeys: TicketKeyring? = nil
    ) throws(TLSConfigurationError) {
        LibraryErrors.discard()
        let method = settings.role == .server ? TLS_server_method() : TLS_client_method()
        guard let context = SSL_CTX_new(method) else {
            throw TLSConfigurationError(
                "cannot allocate server SSL_CTX: disabling TLS support", libraryErrors: LibraryErrors.take())
        }
        self.settings = settings
        self.serverNames = serverNames
        self.ticketKeys = settings.role == .server && settings.makesTickets ? ticketKeys : nil
        self.chain = chain
        pointer = context
        try configure()
    }

    deinit { SSL_CTX_free(pointer) }

    private func configure() throws(TLSConfigurationError) {
        // main.cf decides about old protocols and ciphers, not the system's security level (as with Postfix).
        SSL_CTX_set_security_level(pointer, 0)
        var options = apus_op_all() | apus_op_no_compression() | apus_op_no_renegotiation()
        if settings.preferServerCiphers { options |= apus_op_server_preference() }
        if !settings.makesTickets { options |= apus_op_no_ticket() }
        SSL_CTX_set_options(pointer, options)
        _ = apus_ctx_set_mode(
            pointer,
            Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))

        guard let versions = ProtocolVersions(settings.protocols) else {
            throw TLSConfigurationError("Invalid TLS protocol list \"\(settings.protocols)\": disabling TLS support")
        }
        versions.apply(to: pointer)
        guard SSL_CTX_set_cipher_list(pointer, settings.cipherList) == 1 else {
            throw TLSConfigurationError(
                "invalid cipher list: \"\(settings.cipherList)\": disabling TLS support",
                libraryErrors: LibraryErrors.take())
        }
        setGroups()
        DHParameters.set(settings.dhParameters, in: pointer)
        try KeyLoader(context: pointer, settings: settings).load()
        try chain?.load(into: pointer)
        setVerification()
        setSessionCache()
        if serverNames != nil { setServerNameCallbacks() }
        if ticketKeys != nil { SessionTickets.install(in: pointer) }
        if settings.role == .client { SSL_CTX_dane_enable(pointer) }
        LibraryErrors.discard()
    }

    /// Curves that this OpenSSL does not know are left out, so that one name does not disable the rest.
    private func setGroups() {
        let names = settings.groups.split { " ,:\t".contains($0) }.map(String.init)
        let known = names.filter { name in
            var nid = OBJ_sn2nid(name)
            if nid == NID_undef { nid = OBJ_ln2nid(name) }
            if nid == NID_undef { nid = EC_curve_nist2nid(name) }
            return nid != NID_undef
        }
        guard !known.isEmpty else { return }
        _ = apus_ctx_set_groups(pointer, known.joined(separator: ":"))
        LibraryErrors.discard()
    }

    private func setVerification() {
        SSL_CTX_set_verify_depth(pointer, CInt(clamping: max(settings.verifyDepth, 0) &+ 1))
        if settings.collectsChain {
            // All checks are made, and the first that failed is the verdict: a name is compared after the chain.
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER) { isGood, store in FirstProblem.note(isGood, store) }
            return
        }
        guard settings.asksForClientCertificate else {
            SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
            return
        }
        // The handshake goes on whatever the certificate is worth; callers look at the recorded verdict.
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE) { _, _ in 1 }
    }

    private func setSessionCache() {
        SSL_CTX_set_timeout(pointer, Int(max(settings.sessionTimeout, 1)))
        if settings.role == .server {
            let scope = sessionScope
            SSL_CTX_set_session_id_context(pointer, scope, UInt32(scope.count))
            SSL_CTX_set_num_tickets(pointer, 1)
            let caches = settings.cachesSessions && settings.sessionTimeout > 0
            _ = apus_ctx_set_cache_mode(pointer, Int(caches ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF))
            _ = apus_ctx_set_cache_size(pointer, 20_000)
        } else {
            guard settings.cachesSessions, settings.sessionTimeout > 0 else {
                _ = apus_ctx_set_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
                return
            }
            _ = apus_ctx_set_cache_mode(
                pointer, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
            SSL_CTX_sess_set_new_cb(pointer) { ssl, session in
                guard let ssl, let session, let held = SSL_get_ex_data(ssl, 0) else { return 0 }
                let state = Unmanaged<TLSBuffers>.fromOpaque(held).takeUnretainedValue()
                return state.remember(session) ? 1 : 0
            }
        }
    }

    /// A session may be resumed by services that would have judged the client's certificate alike (32 octets).
    private var sessionScope: [UInt8] {
        let text = [
            "smtpd", settings.caFile, settings.caPath, "\(settings.appendDefaultCA)",
            "\(settings.asksForClientCertificate)", settings.protocols, settings.cipherList,
        ].joined(separator: "\n")
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: CUnsignedInt = 0
        _ = EVP_Digest(text, text.utf8.count, &digest, &count, EVP_sha256(), nil)
        return Array(digest.prefix(Int(min(count, 32))))
    }

    /// The handshake stops at the client's first message until the name has been looked up: tables may be slow.
    private func setServerNameCallbacks() {
        SSL_CTX_set_client_hello_cb(
            pointer,
            { ssl, _, _ in
                guard let ssl, let held = SSL_get_ex_data(ssl, 0) else { return SSL_CLIENT_HELLO_ERROR }
                let buffers = Unmanaged<TLSBuffers>.fromOpaque(held).takeUnretainedValue()
                switch buffers.nameLookup {
                case .notAsked:
                    guard let name = ClientHelloName.read(ssl) else { return SSL_CLIENT_HELLO_SUCCESS }
                    buffers.nameLookup = .asked(name)
                    return SSL_CLIENT_HELLO_RETRY
                case .asked: return SSL_CLIENT_HELLO_RETRY
                case .answered: return SSL_CLIENT_HELLO_SUCCESS
                }
            }, nil)
        _ = apus_ctx_set_sni_callback(pointer) { ssl, _, _ in
            guard let ssl, let held = SSL_get_ex_data(ssl, 0) else { return SSL_TLSEXT_ERR_NOACK }
            let buffers = Unmanaged<TLSBuffers>.fromOpaque(held).takeUnretainedValue()
            guard case .answered(let other?) = buffers.nameLookup else { return SSL_TLSEXT_ERR_NOACK }
            SSL_set_SSL_CTX(ssl, other.pointer)
            return SSL_TLSEXT_ERR_OK
        }
    }
}

/// TLS sessions that a client can resume, by destination. Bounded: past the limit an arbitrary entry goes.
final class ClientSessionCache: Sendable {
    private struct Session: @unchecked Sendable { let pointer: OpaquePointer }  // reference counted by OpenSSL
    private let limit: Int
    private let sessions = NIOLockedValueBox<[String: Session]>([:])

    init(limit: Int) { self.limit = limit }

    deinit {
        sessions.withLockedValue { for session in $0.values { SSL_SESSION_free(session.pointer) } }
    }

    /// Takes over the caller's reference.
    func store(_ session: OpaquePointer, for key: String) {
        sessions.withLockedValue { table in
            if let old = table.removeValue(forKey: key) {
                SSL_SESSION_free(old.pointer)
            } else if table.count >= limit, let victim = table.first {
                SSL_SESSION_free(victim.value.pointer)
                table.removeValue(forKey: victim.key)
            }
            table[key] = Session(pointer: session)
        }
    }

    /// Sets the remembered session on `ssl`, unless it is older than `lifetime` seconds.
    func apply(to ssl: OpaquePointer, for key: String, lifetime: Int) {
        sessions.withLockedValue { table in
            guard let session = table[key] else { return }
            let age = time(nil) &- SSL_SESSION_get_time(session.pointer)
            if age > lifetime || SSL_SESSION_is_resumable(session.pointer) != 1 {
                SSL_SESSION_free(session.pointer)
                table[key] = nil
            } else {
                SSL_set_session(ssl, session.pointer)
            }
        }
    }
}

/// Keeps the first problem of a certificate chain where OpenSSL looks for the verdict.
private enum FirstProblem {
    /// A place of our own in OpenSSL's verification contexts.
    private static let place = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, nil, nil, nil, nil)

    /// A verification callback: the handshake goes on whatever it is told.
    static func note(_ isGood: CInt, _ store: OpaquePointer?) -> CInt {
        guard let store, place >= 0 else { return 1 }
        if let first = X509_STORE_CTX_get_ex_data(store, place) {
            X509_STORE_CTX_set_error(store, CInt(truncatingIfNeeded: Int(bitPattern: first)))
        } else if isGood == 0 {
            let problem = Int(X509_STORE_CTX_get_error(store))
            X509_STORE_CTX_set_ex_data(store, place, UnsafeMutableRawPointer(bitPattern: problem))
        }
        return 1
    }
}
