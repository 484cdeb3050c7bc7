/// What an established session negotiated, in the words of Postfix's logs and Received: headers.
public struct TLSSessionInfo: Sendable, Equatable {
    /// A signature in the handshake: `RSA-PSS (2048 bits)` with digest `SHA256`.
    public struct Signature: Sendable, Equatable {
        public var name: String
        /// Key size or curve: `2048 bits`, `prime256v1`; empty when the name says it all.
        public var detail: String
        public var digest: String

        public init(name: String, detail: String, digest: String) {
            self.name = name
            self.detail = detail
            self.digest = digest
        }

        func text(prefix: String) -> String {
            var text = " \(prefix)-signature \(name)"
            if !detail.isEmpty { text += " (\(detail))" }
            if !digest.isEmpty { text += " \(prefix)-digest \(digest)" }
            return text
        }
    }

    /// The peer's certificate.
    public struct PeerCertificate: Sendable, Equatable {
        public var commonName: String
        public var issuer: String
        /// Colon-separated upper-case hexadecimal.
        public var fingerprint: String
        public var publicKeyFingerprint: String
        /// The chain leads to a trusted root.
        public var isTrusted: Bool
        /// It is trusted and has a name that was asked for.
        public var isVerified: Bool
        /// Why it is not trusted, OpenSSL's text; empty otherwise.
        public var problem: String

        public init(
            commonName: String, issuer: String, fingerprint: String, publicKeyFingerprint: String, isTrusted: Bool,
            isVerified: Bool = false, problem: String
        ) {
            self.commonName = commonName
            self.issuer = issuer
            self.fingerprint = fingerprint
            self.publicKeyFingerprint = publicKeyFingerprint
            self.isTrusted = isTrusted
            self.isVerified = isVerified
            self.problem = problem
        }
    }

    public var role: TLSSettings.Role
    /// `TLSv1.3`
    public var protocolName: String
    /// `TLS_AES_256_GCM_SHA384`
    public var cipher: String
    public var usedBits: Int
    public var algorithmBits: Int
    /// `X25519`, `ECDHE`, `DHE`; empty below TLS 1.3, where the cipher name says it.
    public var keyExchange = ""
    /// Curve or `2048 bits`; empty when the key exchange says it all.
    public var keyExchangeDetail = ""
    public var serverSignature: Signature?
    public var clientSignature: Signature?
    public var peerCertificate: PeerCertificate?
    /// The TLSA record that vouched for the server.
    public var daneMatch: DANEMatch?
    /// With `TLSSettings.collectsChain`.
    public var chain: ChainDetails?
    /// The server asked for a client certificate.
    public var askedForClientCertificate = false
    public var isResumed = false
    /// The name that the client sent; for servers only when they have a certificate for it (tls_server_sni_maps).
    public var serverName = ""

    public init(role: TLSSettings.Role, protocolName: String, cipher: String, usedBits: Int, algorithmBits: Int) {
        self.role = role
        self.protocolName = protocolName
        self.cipher = cipher
        self.usedBits = usedBits
        self.algorithmBits = algorithmBits
    }

    /// `Anonymous`, `Untrusted`, `Trusted` or `Verified`.
    public var trustWord: String {
        guard let peerCertificate else { return "Anonymous" }
        return peerCertificate.isVerified ? "Verified" : peerCertificate.isTrusted ? "Trusted" : "Untrusted"
    }

    private var keyExchangeText: String {
        guard !keyExchange.isEmpty else { return "" }
        return " key-exchange \(keyExchange)" + (keyExchangeDetail.isEmpty ? "" : " (\(keyExchangeDetail))")
    }

    /// The log line of level 1, without program and severity.
    /// - Parameter peer: `name[address]` for a server, `name[address]:port` for a client.
    public func logSummary(peer: String) -> String {
        // A resumed session counts as established too: "reused" is said of connections.
        var text = "\(trustWord) TLS connection established"
        text += role == .server ? " from \(peer)" : " to \(peer)"
        if !serverName.isEmpty { text += " to \(serverName)" }
        text += ": \(protocolName) with cipher \(cipher) (\(usedBits)/\(algorithmBits) bits)"
        text += keyExchangeText
        text += serverSignature?.text(prefix: "server") ?? ""
        text += clientSignature?.text(prefix: "client") ?? ""
        return text
    }

    /// Folded lines of the Received: header that smtpd_tls_received_header adds, each without the leading tab.
    public var receivedComment: [String] {
        var lines = ["(using \(protocolName) with cipher \(cipher) (\(usedBits)/\(algorithmBits) bits)"]
        let keys = keyExchangeText + (serverSignature?.text(prefix: "server") ?? "")
        if !keys.isEmpty { lines.append(keys) }
        if let clientSignature { lines.append(clientSignature.text(prefix: "client")) }
        lines[lines.count - 1] += ")"
        if let peerCertificate {
            let outcome = peerCertificate.isTrusted ? "verified OK" : "not verified"
            lines.append(
                "(Client CN \"\(peerCertificate.commonName)\", Issuer \"\(peerCertificate.issuer)\" (\(outcome)))")
        } else if askedForClientCertificate {
            lines.append("(Client did not present a certificate)")
        } else {
            lines.append("(No client certificate requested)")
        }
        return lines
    }
}
