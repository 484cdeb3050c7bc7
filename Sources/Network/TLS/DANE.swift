import COpenSSL

/// A TLSA record (RFC 6698 §2).
public struct TLSARecord: Sendable, Hashable {
    /// 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE.
    public var usage: UInt8
    /// 0 whole certificate, 1 public key.
    public var selector: UInt8
    /// 0 the thing itself, 1 SHA2-256, 2 SHA2-512.
    public var matching: UInt8
    public var data: [UInt8]

    public init(usage: UInt8, selector: UInt8, matching: UInt8, data: [UInt8]) {
        self.usage = usage
        self.selector = selector
        self.matching = matching
        self.data = data
    }

    /// RFC 7672 §3.1: mail uses DANE-TA and DANE-EE only; the digest must have its length.
    public var isUsable: Bool {
        guard usage == 2 || usage == 3, selector <= 1 else { return false }
        switch matching {
        case 0: return !data.isEmpty
        case 1: return data.count == 32
        case 2: return data.count == 64
        default: return false
        }
    }

    /// `3 1 1 8CE0…`
    public var text: String {
        let digits = Array("0123456789ABCDEF")
        let hexadecimal = data.map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
        return "\(usage) \(selector) \(matching) \(hexadecimal)"
    }
}

/// What a client expects of a server whose TLSA records it has, securely, from the DNS (RFC 7672).
public struct DANEPolicy: Sendable, Equatable {
    /// The name at which the records were found, without port and protocol: also the name to send (SNI), and the first
    /// that the certificate of a DANE-TA chain may have.
    public var baseDomain: String
    public var records: [TLSARecord]
    /// Other names for a DANE-TA chain.
    public var otherNames: [String]

    public init(baseDomain: String, records: [TLSARecord], otherNames: [String] = []) {
        self.baseDomain = baseDomain
        self.records = records
        self.otherNames = otherNames
    }

    var usableRecords: [TLSARecord] { records.filter(\.isUsable) }

    /// Gives the records to OpenSSL, which then accepts what they vouch for and nothing else.
    func apply(to ssl: OpaquePointer) {
        guard SSL_dane_enable(ssl, baseDomain) > 0 else { return }
        // RFC 7671 §5.1: usage 3 vouches for the key; names and dates do not count.
        SSL_dane_set_flags(ssl, UInt(DANE_FLAG_NO_DANE_EE_NAMECHECKS))
        for name in otherNames { SSL_add1_host(ssl, name) }
        for record in usableRecords {
            _ = SSL_dane_tlsa_add(
                ssl, record.usage, record.selector, record.matching, record.data, record.data.count)
        }
    }
}

/// The record that vouched for a peer.
public struct DANEMatch: Sendable, Equatable {
    /// In the chain: 0 is the server's certificate.
    public var depth: Int
    public var record: TLSARecord

    /// Nil when no record matched.
    init?(_ ssl: OpaquePointer) {
        var certificate: OpaquePointer?
        var key: OpaquePointer?
        let depth = SSL_get0_dane_authority(ssl, &certificate, &key)
        guard depth >= 0 else { return nil }
        var usage: UInt8 = 0
        var selector: UInt8 = 0
        var matching: UInt8 = 0
        var data: UnsafePointer<UInt8>?
        var count = 0
        guard SSL_get0_dane_tlsa(ssl, &usage, &selector, &matching, &data, &count) >= 0 else { return nil }
        self.depth = Int(depth)
        record = TLSARecord(
            usage: usage, selector: selector, matching: matching,
            data: Array(UnsafeBufferPointer(start: data, count: count)))
    }
}

/// Fingerprints that vouch for a peer (postconf(5), smtp_tls_fingerprint_cert_match).
public enum FingerprintMatch {
    /// Length of a digest in bytes; nil when OpenSSL does not know its name.
    public static func length(of digest: String) -> Int? {
        EVP_get_digestbyname(digest).map { Int(EVP_MD_get_size($0)) }
    }

    /// `aa:BB` and `aabb` are the same.
    public static func normalized(_ text: some StringProtocol) -> String {
        text.uppercased().filter { $0 != ":" }
    }

    /// The fingerprint of the certificate or its key that is in the list; nil when none is.
    public static func find(_ certificate: TLSSessionInfo.PeerCertificate, in list: [String]) -> String? {
        let own = [certificate.publicKeyFingerprint, certificate.fingerprint].map { normalized($0) }
        return list.map { normalized($0) }.first { !$0.isEmpty && own.contains($0) }
    }
}
