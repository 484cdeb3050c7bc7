import COpenSSL

/// The TLS protocol versions that a `…_tls_protocols` parameter allows (postconf(5)): bounds (`>=TLSv1.2`, `<=TLSv1.2`),
/// exclusions (`!SSLv3`) and plain names, which then are the only ones allowed.
public struct ProtocolVersions: Sendable, Equatable {
    public enum Version: Int, Sendable, CaseIterable {
        case sslv3 = 0x0300
        case tlsv1 = 0x0301
        case tls11 = 0x0302
        case tls12 = 0x0303
        case tls13 = 0x0304

        init?(name: Substring) {
            switch name.lowercased() {
            case "sslv3": self = .sslv3
            case "tlsv1", "tlsv1.0": self = .tlsv1
            case "tlsv1.1": self = .tls11
            case "tlsv1.2": self = .tls12
            case "tlsv1.3": self = .tls13
            default:
                // Hexadecimal numbers name versions that OpenSSL knows and this list does not.
                guard name.lowercased().hasPrefix("0x"), let number = Int(name.dropFirst(2), radix: 16),
                    let version = Version(rawValue: number)
                else { return nil }
                self = version
            }
        }
    }

    public private(set) var minimum: Version?
    public private(set) var maximum: Version?
    public private(set) var excluded: Set<Version> = []

    /// Nil when a word is neither a version nor a bound: Postfix then refuses to do TLS.
    public init?(_ text: String) {
        var included: Set<Version> = []
        for word in text.split(whereSeparator: { " ,:\t\r\n".contains($0) }) {
            if word.hasPrefix(">=") {
                let name = word.dropFirst(2)
                // SSLv2 is gone: as a lower bound it means no bound.
                if name.lowercased() == "sslv2" || name == "0" { continue }
                guard let version = Version(name: name) else { return nil }
                minimum = version
            } else if word.hasPrefix("<=") {
                if word.dropFirst(2) == "0" { continue }
                guard let version = Version(name: word.dropFirst(2)) else { return nil }
                maximum = version
            } else if word.hasPrefix("!") {
                if word.dropFirst().lowercased() == "sslv2" { continue }
                guard let version = Version(name: word.dropFirst()) else { return nil }
                excluded.insert(version)
            } else {
                guard let version = Version(name: word) else { return nil }
                included.insert(version)
            }
        }
        if !included.isEmpty { excluded.formUnion(Set(Version.allCases).subtracting(included)) }
    }

    /// Applies the bounds to an OpenSSL context.
    func apply(to context: OpaquePointer) {
        // Debian's OpenSSL defaults to TLS 1.2 and up: the bounds are always set, so that main.cf decides.
        _ = apus_ctx_set_min_version(context, CInt(minimum?.rawValue ?? 0))
        _ = apus_ctx_set_max_version(context, CInt(maximum?.rawValue ?? 0))
        var options: UInt64 = 0
        for version in excluded {
            switch version {
            case .sslv3: options |= apus_op_no_sslv3()
            case .tlsv1: options |= apus_op_no_tlsv1()
            case .tls11: options |= apus_op_no_tlsv1_1()
            case .tls12: options |= apus_op_no_tlsv1_2()
            case .tls13: options |= apus_op_no_tlsv1_3()
            }
        }
        SSL_CTX_set_options(context, options)
    }
}
