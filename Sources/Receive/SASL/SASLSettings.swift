import Configuration
import MailSyntax

/// The smtpd_sasl_* parameters of one service, ready for use.
public struct SASLSettings: Sendable {
    public let isEnabled: Bool
    /// Characters of one client response at most (smtpd_sasl_response_limit).
    public let responseLimit: Int
    /// Announce `AUTH=` too (broken_sasl_auth_clients).
    public let helpsBrokenClients: Bool
    /// smtpd_sasl_authenticated_header
    public let namesUserInReceived: Bool
    public let localDomain: String
    /// smtpd_sasl_exceptions_networks: clients in it are not offered AUTH.
    public let exceptionsNetworks: String

    private let refused: SASLProperties
    private let required: SASLProperties
    private let refusedInTLS: SASLProperties
    private let requiredInTLS: SASLProperties
    private let filter: [String]

    public init(_ parameters: Parameters) {
        isEnabled = parameters.bool("smtpd_sasl_auth_enable")
        responseLimit = parameters.int("smtpd_sasl_response_limit")
        helpsBrokenClients = parameters.bool("broken_sasl_auth_clients")
        namesUserInReceived = parameters.bool("smtpd_sasl_authenticated_header")
        localDomain = parameters["smtpd_sasl_local_domain"]
        exceptionsNetworks = parameters["smtpd_sasl_exceptions_networks"]
        (refused, required) = Self.options(parameters.list("smtpd_sasl_security_options"))
        (refusedInTLS, requiredInTLS) = Self.options(parameters.list("smtpd_sasl_tls_security_options"))
        filter = parameters.list("smtpd_sasl_mechanism_filter")
    }

    /// Names in smtpd_sasl_security_options that mean nothing; start-up refuses them.
    public static func unknownOptions(in names: [String]) -> [String] {
        names.filter { refusing[ASCII.lowercased($0)] == nil && requiring[ASCII.lowercased($0)] == nil }
    }

    /// Mechanisms to announce, in the service's order, without those that the security options rule out.
    public func offered(_ all: [SASLMechanism], encrypted: Bool) -> [SASLMechanism] {
        let refused = encrypted ? refusedInTLS : refused
        let required = encrypted ? requiredInTLS : required
        return all.filter { mechanism in
            mechanism.properties.isDisjoint(with: refused) && mechanism.properties.isSuperset(of: required)
                && passesFilter(mechanism.name)
        }
    }

    /// smtpd_sasl_mechanism_filter: names, `!name`, and a `static:` table, which has every name.
    private func passesFilter(_ name: String) -> Bool {
        for pattern in filter {
            let negated = pattern.utf8.first == UInt8(ascii: "!")
            let wanted = negated ? String(pattern.dropFirst()) : pattern
            if wanted.hasPrefix("static:") || ASCII.equalIgnoringCase(wanted, name) { return !negated }
        }
        return false
    }

    private static let refusing: [String: SASLProperties] = [
        "noplaintext": .plaintext, "noactive": .active, "nodictionary": .dictionary, "noanonymous": .anonymous,
    ]
    private static let requiring: [String: SASLProperties] = [
        "forward_secrecy": .forwardSecrecy, "mutual_auth": .mutualAuthentication,
    ]

    private static func options(_ names: [String]) -> (refused: SASLProperties, required: SASLProperties) {
        var refused: SASLProperties = []
        var required: SASLProperties = []
        for name in names.map(ASCII.lowercased) {
            if let property = refusing[name] { refused.formUnion(property) }
            if let property = requiring[name] { required.formUnion(property) }
        }
        return (refused, required)
    }
}
