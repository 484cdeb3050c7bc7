import COpenSSL
import NIOConcurrencyHelpers
import NIOCore

/// Keys, trust anchors, protocols and ciphers of TLS servers or clients: an `SSL_CTX`. Made before chroot and privilege
/// drop, because it reads files; shared by all sessions and event loops of the process.
// Sendable by hand: OpenSSL's SSL_CTX is reference counted and locked for concurrent SSL_new, and nothing here changes
// after init but the session cache, which has its own lock.
public final class TLSContext: @unchecked Sendable {
    public let settings: TLSSettings
    let pointer: OpaquePointer
    /// Contexts for other server names (tls_server_sni_maps), looked up by lower-case host name.
    private let alternatives: @Sendable (String) -> TLSContext?
    let clientSessions = ClientSessionCache(limit: 1000)

    /// Reads certificates and keys.
    /// - Parameter alternatives: for servers, the context to use for a name the client asks for; nil for this one.
    ///   Called on an event loop during the handshake: it must not block.
    public init(
        _ settings: TLSSettings, alternatives: @escaping @Sendable (String) -> TLSContext? = { _ in nil }
    ) throws(TLSConfigurationError) {
        LibraryErrors.discard()
        let method = settings.role == .server ? TLS_server_method() : TLS_client_method()
        guard let context = SSL_CTX_new(method) else {
            throw TLSConfigurationError(
                "cannot allocate server SSL_CTX: disabling TLS support", libraryErrors: LibraryErrors.take())
        }
        self.settings = settings
        self.alternatives = alternatives
        pointer = context
        try configure()
    }

    deinit { SSL_CTX_free(pointer) }

    private func configure() throws(TLSConfigurationError) {
        // main.cf decides about old protocols and ciphers, not the system's security level (as with Postfix).
        SSL_CTX_set_security_level(pointer, 0)
        var options = apus_op_all() | apus_op_no_compression() | apus_op_no_renegotiation()
        if settings.preferServerCiphers { options |= apus_op_server_preference() }
        if settings.sessionTimeout <= 0 || !settings.issuesTickets { options |= apus_op_no_ticket() }
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
        _ = apus_ctx_set_dh_auto(pointer, 1)
        try KeyLoader(context: pointer, settings: settings).load()
        setVerification()
        setSessionCache()
        if settings.role == .server { setServerNameCallback() }
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
            let name = Array("apus/smtpd".utf8)
            SSL_CTX_set_session_id_context(pointer, name, UInt32(name.count))
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

    private func setServerNameCallback() {
        _ = apus_ctx_set_sni_callback(pointer) { ssl, _, argument in
            guard let ssl, let argument, let raw = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
                return SSL_TLSEXT_ERR_NOACK
            }
            let context = Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
            guard let other = context.alternatives(String(cString: raw).lowercased()) else {
                return SSL_TLSEXT_ERR_NOACK
            }
            SSL_set_SSL_CTX(ssl, other.pointer)
            return SSL_TLSEXT_ERR_OK
        }
        _ = apus_ctx_set_sni_argument(pointer, Unmanaged.passUnretained(self).toOpaque())
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

    /// Sets the remembered session on `ssl`.
    func apply(to ssl: OpaquePointer, for key: String) {
        sessions.withLockedValue { table in
            guard let session = table[key] else { return }
            if SSL_SESSION_is_resumable(session.pointer) == 1 { SSL_set_session(ssl, session.pointer) }
        }
    }
}
