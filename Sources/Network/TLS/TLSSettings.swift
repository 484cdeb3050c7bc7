/// What a `TLSContext` is made of: one server or client configuration, in the terms of main.cf.
///
/// Postfix keeps two sets of protocols and ciphers, one for opportunistic (`may`) and one for mandatory (`encrypt` and
/// up) sessions. A context is made for one of them; a process that needs both makes two.
public struct TLSSettings: Sendable {
    public enum Role: Sendable { case server, client }

    /// A certificate chain and its key, PEM files.
    public struct KeyPair: Sendable {
        /// `RSA`, `DSA` or `ECDSA`, for messages only.
        public var kind: String
        public var certificateFile: String
        public var keyFile: String

        public init(kind: String, certificateFile: String, keyFile: String) {
            self.kind = kind
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    public var role: Role
    /// smtpd_tls_chain_files: when not empty, `keyPairs` is not used.
    public var chainFiles: [String] = []
    public var keyPairs: [KeyPair] = []
    public var caFile = ""
    public var caPath = ""
    public var appendDefaultCA = false
    /// smtpd_tls_protocols or smtpd_tls_mandatory_protocols, as written.
    public var protocols = ">=TLSv1"
    /// The complete OpenSSL cipher list for TLS 1.2 and below, exclusions appended.
    public var cipherList = "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH"
    /// tls_eecdh_auto_curves, names separated by blanks.
    public var groups = "X25519 X448 prime256v1 secp521r1 secp384r1"
    /// Of DHE ciphers, PEM (see `DHParameters.load`); empty: OpenSSL chooses.
    public var dhParameters: [UInt8] = []
    public var preferServerCiphers = false
    /// smtpd_tls_ask_ccert or smtpd_tls_req_ccert (server).
    public var asksForClientCertificate = false
    public var verifyDepth = 9
    /// A session cache is wanted (the …_session_cache_database parameter is set).
    public var cachesSessions = false
    /// smtpd_tls_session_cache_timeout, seconds; 0 turns resumption off.
    public var sessionTimeout = 3600
    /// tls_session_ticket_cipher: of servers' session tickets; empty for none.
    public var ticketCipher = "aes-256-cbc"
    /// smtp_tls_trust_anchor_file: certificates in PEM that are trusted instead of `caFile` and `caPath`, whether or not
    /// they issued themselves.
    public var trustAnchorFiles: [String] = []
    /// Sessions tell `ChainDetails`.
    public var collectsChain = false
    /// Digest of logged certificate fingerprints.
    public var fingerprintDigest = "sha256"

    public init(role: Role) { self.role = role }

    /// Session tickets are made.
    var makesTickets: Bool { sessionTimeout > 0 && SessionTickets.cipher(ticketCipher) != nil }

    /// True when tls_session_ticket_cipher names none that can be used.
    public var hasBadTicketCipher: Bool { !ticketCipher.isEmpty && SessionTickets.cipher(ticketCipher) == nil }

    /// True when nothing to present is configured: a server can then not offer TLS.
    public var hasNoCertificate: Bool {
        chainFiles.isEmpty && keyPairs.allSatisfy { $0.certificateFile.isEmpty || $0.certificateFile == "none" }
    }
}

extension TLSSettings {
    /// The settings that the `smtpd_tls_…`, `smtp_tls_…` or `lmtp_tls_…` parameters describe.
    ///
    /// - Parameters:
    ///   - prefix: `smtpd`, `smtp` or `lmtp`.
    ///   - mandatory: use the mandatory protocols and ciphers (security level encrypt and up).
    ///   - parameter: the expanded value of a parameter, empty when unknown.
    public init(prefix: String, mandatory: Bool, parameter: (String) -> String) {
        self.init(role: prefix == "smtpd" ? .server : .client)
        func value(_ suffix: String) -> String { parameter("\(prefix)_tls_\(suffix)") }
        func words(_ text: String) -> [String] { text.split { ", \t\r\n".contains($0) }.map(String.init) }

        chainFiles = words(value("chain_files"))
        keyPairs = [("RSA", "cert_file", "key_file"), ("ECDSA", "eccert_file", "eckey_file")].compactMap {
            kind, cert, key in
            let file = value(cert)
            let keyFile = value(key)
            return file.isEmpty
                ? nil : KeyPair(kind: kind, certificateFile: file, keyFile: keyFile.isEmpty ? file : keyFile)
        }
        caFile = value("CAfile")
        caPath = value("CApath")
        appendDefaultCA = parameter("tls_append_default_CA") == "yes"
        protocols = value(mandatory ? "mandatory_protocols" : "protocols")
        let asks = value("ask_ccert") == "yes" || value("req_ccert") == "yes"
        asksForClientCertificate = role == .server && asks
        cipherList = CipherList.text(
            grade: value(mandatory ? "mandatory_ciphers" : "ciphers"),
            exclusions: [
                value("exclude_ciphers"), mandatory ? value("mandatory_exclude_ciphers") : "", asks ? "aNULL" : "",
            ],
            parameter: parameter)
        let curves = parameter("tls_eecdh_auto_curves")
        if !curves.isEmpty { groups = curves }
        preferServerCiphers = parameter("tls_preempt_cipherlist") == "yes"
        let depth = value(role == .server ? "ccert_verifydepth" : "scert_verifydepth")
        verifyDepth = Int(depth) ?? 9
        cachesSessions = !value("session_cache_database").isEmpty
        sessionTimeout = Self.sessionTimeout(value("session_cache_timeout"))
        ticketCipher = parameter("tls_session_ticket_cipher")
        let digest = value("fingerprint_digest")
        if !digest.isEmpty { fingerprintDigest = digest }
    }

    /// Seconds. A value between 1 and 119 counts as 120 (postconf(5) smtpd_tls_session_cache_timeout).
    public static func sessionTimeout(_ text: String) -> Int {
        let seconds = seconds(text) ?? 3600
        return seconds > 0 ? max(seconds, 120) : 0
    }

    /// `3600s`, `1h`: a main.cf time value.
    static func seconds(_ text: String) -> Int? {
        guard let last = text.utf8.last else { return nil }
        let units: [UInt8: Int] = [
            UInt8(ascii: "s"): 1, UInt8(ascii: "m"): 60, UInt8(ascii: "h"): 3600, UInt8(ascii: "d"): 86400,
            UInt8(ascii: "w"): 604_800,
        ]
        guard let unit = units[last] else { return Int(text) }
        guard let number = Int(text.dropLast()) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? nil : product
    }
}
