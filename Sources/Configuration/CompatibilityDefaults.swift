/// Defaults in force that are those of an older Postfix, because compatibility_level says so and main.cf does not set them
/// (COMPATIBILITY_README). Programs tell the log whenever one of them decides something.
public struct CompatibilityDefaults: Sendable, Equatable {
    /// append_dot_mydomain=yes
    public let completesDomains: Bool
    /// "smtpd_relay_restrictions = (empty)"
    public let hasNoRelayList: Bool
    /// smtputf8_enable=no
    public let acceptsEightBitAddresses: Bool
    /// mynetworks_style=subnet
    public let trustsSubnets: Bool
    /// relay_domains=$mydestination
    public let relaysForDestinations: Bool
    /// The same for ETRN, by way of fast_flush_domains.
    public let flushesDestinations: Bool
    /// smtpd_relay_before_recipient_restrictions=no
    public let asksRecipientListFirst: Bool
    /// smtpd_tls_fingerprint_digest=md5
    public let usesOldDigest: Bool
    /// `localhost` is listed in mydestination or another address class.
    private let knowsLocalhost: Bool

    public init(_ parameters: Parameters) {
        let level = CompatibilityLevel(parameters["compatibility_level"]) ?? .zero
        func applies(_ limit: String, _ names: String...) -> Bool {
            guard let limit = CompatibilityLevel(limit), level < limit else { return false }
            return !names.contains(where: parameters.isSet)
        }
        completesDomains = applies("1", "append_dot_mydomain")
        hasNoRelayList = applies("1", "smtpd_relay_restrictions")
        acceptsEightBitAddresses = applies("1", "smtputf8_enable")
        trustsSubnets = applies("2", "mynetworks", "mynetworks_style")
        relaysForDestinations = applies("2", "relay_domains")
        flushesDestinations = applies("2", "relay_domains", "fast_flush_domains")
        asksRecipientListFirst = applies("3.6", "smtpd_relay_before_recipient_restrictions")
        usesOldDigest = applies("3.6", "smtpd_tls_fingerprint_digest")
        let classes = ["mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains"]
        knowsLocalhost = completesDomains && classes.contains { parameters.list($0).contains("localhost") }
    }

    /// The log line: what is done only because of an old default.
    public static func text(_ setting: String, to purpose: String) -> String {
        "using backwards-compatible default setting \(setting) to \(purpose)"
    }

    /// - Returns: nil for what another setting has provided for.
    public func completion(of domain: String, with parent: String) -> String? {
        let isLocalhost = domain.lowercased() == "localhost"
        if isLocalhost, knowsLocalhost { return nil }
        let text = Self.text("append_dot_mydomain=yes", to: "rewrite \"\(domain)\" to \"\(domain).\(parent)\"")
        return isLocalhost ? text + "; please add \"localhost\" to mydestination or other address class" : text
    }

    public static func chroot(file: String, line: Int) -> String {
        "\(file): line \(line): using backwards-compatible default setting chroot=y"
    }
}
