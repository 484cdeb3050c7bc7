import COpenSSL
import Submission

/// Self-signed certificates and certificate requests for a list of host names.
struct CertificateMaker {
    let key: ServerKey
    /// At least one.
    let hosts: [String]

    /// 100 years: clients that check more than the key do not take a self-signed certificate anyway.
    private static let days = 36_525
    private static let purposes = "serverAuth,clientAuth"

    private let failure = CommandFailure("error generating self-signed certificate")

    init(key: ServerKey, hosts: [String]) throws(CommandFailure) {
        for host in hosts {
            // The names become part of OpenSSL's own syntax.
            let valid = host.utf8.allSatisfy {
                ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x41 && $0 <= 0x5A) || ($0 >= 0x30 && $0 <= 0x39)
                    || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F || $0 == 0x2A
            }
            if !valid || host.isEmpty || host.utf8.count > 255 { throw CommandFailure("invalid hostname: \(host)") }
        }
        self.key = key
        self.hosts = hosts
    }

    private var alternativeNames: String { hosts.map { "DNS:\($0)" }.joined(separator: ",") }

    /// In PEM. The first host is the common name of subject and issuer.
    func certificate() throws(CommandFailure) -> [UInt8] {
        guard let certificate = X509_new(), let serial = Self.serialNumber() else { throw failure }
        defer {
            X509_free(certificate)
            ASN1_INTEGER_free(serial)
        }
        let name = X509_get_subject_name(certificate)
        // RFC 5280 gives a common name 64 characters; longer names stand among the alternative names only.
        let common = hosts.first { $0.utf8.count <= 64 } ?? ""
        guard X509_set_version(certificate, 2) == 1, X509_set_serialNumber(certificate, serial) == 1,
            X509_gmtime_adj(X509_getm_notBefore(certificate), 0) != nil,
            X509_time_adj_ex(X509_getm_notAfter(certificate), Int32(Self.days), 0, nil) != nil,
            X509_set_pubkey(certificate, key.pointer) == 1,
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_FLAG | 1, common, -1, -1, 0) == 1,
            X509_set_issuer_name(certificate, name) == 1
        else { throw failure }
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, certificate, certificate, nil, nil, 0)
        for (kind, value) in [
            (NID_basic_constraints, "CA:FALSE"), (NID_subject_key_identifier, "hash"),
            (NID_ext_key_usage, Self.purposes), (NID_subject_alt_name, alternativeNames),
        ] {
            guard let item = X509V3_EXT_conf_nid(nil, &context, kind, value) else { throw failure }
            defer { X509_EXTENSION_free(item) }
            guard X509_add_ext(certificate, item, -1) == 1 else { throw failure }
        }
        guard X509_sign(certificate, key.pointer, EVP_sha256()) > 0 else { throw failure }
        return try PEMText.writing { PEM_write_bio_X509($0, certificate) }
    }

    /// A request (PKCS #10) in PEM, without a subject: the names are in the extensions.
    func request() throws(CommandFailure) -> [UInt8] {
        guard let request = X509_REQ_new() else { throw failure }
        defer { X509_REQ_free(request) }
        guard X509_REQ_set_version(request, 0) == 1, X509_REQ_set_pubkey(request, key.pointer) == 1 else {
            throw failure
        }
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, nil, nil, request, nil, 0)
        var extensions: OpaquePointer?
        defer { apus_free_extensions(extensions) }
        for (kind, value) in [
            (NID_subject_key_identifier, "hash"), (NID_ext_key_usage, Self.purposes),
            (NID_subject_alt_name, alternativeNames),
        ] {
            guard let item = X509V3_EXT_conf_nid(nil, &context, kind, value) else { throw failure }
            defer { X509_EXTENSION_free(item) }
            guard X509v3_add_ext(&extensions, item, -1) != nil else { throw failure }
        }
        guard X509_REQ_add_extensions(request, extensions) == 1,
            X509_REQ_sign(request, key.pointer, EVP_sha256()) > 0
        else { throw failure }
        return try PEMText.writing { PEM_write_bio_X509_REQ($0, request) }
    }

    /// 159 random bits (RFC 5280 §4.1.2.2: positive, at most 20 octets).
    private static func serialNumber() -> UnsafeMutablePointer<ASN1_INTEGER>? {
        guard let number = BN_new() else { return nil }
        defer { BN_free(number) }
        guard BN_rand(number, 159, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 else { return nil }
        return BN_to_ASN1_INTEGER(number, nil)
    }
}
