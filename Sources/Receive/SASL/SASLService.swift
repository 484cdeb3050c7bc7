/// One step of an authentication exchange (RFC 4954), as the server sees it.
public enum SASLStep: Sendable, Equatable {
    /// Base64 text of a `334` reply.
    case challenge(String)
    case success(username: String)
    /// The text after `authentication failed: `, and the name that the client claimed when it is known.
    case failure(reason: String, username: String?)
    /// `454 4.7.0 Temporary authentication failure: …`
    case unavailable(reason: String)
}

/// What the authentication service may know of the session.
public struct SASLPeer: Sendable, Equatable {
    public var clientAddress: String
    public var clientName: String
    public var clientPort: String
    public var serverAddress: String
    public var serverPort: String
    /// The session is encrypted.
    public var secured: Bool

    public init(
        clientAddress: String, clientName: String = "", clientPort: String = "", serverAddress: String = "",
        serverPort: String = "", secured: Bool
    ) {
        self.clientAddress = clientAddress
        self.clientName = clientName
        self.clientPort = clientPort
        self.serverAddress = serverAddress
        self.serverPort = serverPort
        self.secured = secured
    }
}

/// What a mechanism gives away or protects; the names are those of smtpd_sasl_security_options.
public struct SASLProperties: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let plaintext = SASLProperties(rawValue: 1)
    public static let active = SASLProperties(rawValue: 2)
    public static let dictionary = SASLProperties(rawValue: 4)
    public static let anonymous = SASLProperties(rawValue: 8)
    public static let forwardSecrecy = SASLProperties(rawValue: 16)
    public static let mutualAuthentication = SASLProperties(rawValue: 32)
}

public struct SASLMechanism: Sendable, Equatable {
    public var name: String
    public var properties: SASLProperties

    public init(name: String, properties: SASLProperties) {
        self.name = name
        self.properties = properties
    }
}

/// Checks passwords: Dovecot's auth service, or a table of our own.
public protocol SASLService: Sendable {
    /// nil while the service cannot be reached.
    func mechanisms() async -> [SASLMechanism]?

    /// - Parameter initialResponse: base64 as the client sent it, empty for `=`, nil when there was none.
    func begin(mechanism: String, initialResponse: String?, peer: SASLPeer) async -> (any SASLExchange, SASLStep)
}

/// An exchange that waits for the client's next response.
public protocol SASLExchange: Sendable {
    /// - Parameter base64: the client's line, unchecked.
    func respond(_ base64: String) async -> SASLStep
    /// The client sent `*` or went away.
    func abort()
}

/// An exchange that has come to its end.
struct FinishedExchange: SASLExchange {
    func respond(_ base64: String) async -> SASLStep { .failure(reason: SASLReason.protocolError, username: nil) }
    func abort() {}
}

/// Texts that follow `authentication failed: `.
enum SASLReason {
    static let unavailable = "(reason unavailable)"
    static let invalidInitialResponse = "Invalid base64 data in initial response"
    static let invalidResponse = "Invalid base64 data in continued response"
    static let invalidMechanism = "Invalid authentication mechanism"
    static let protocolError = "Authentication exchange has ended"
    static let connectionLost = "Connection lost to authentication server"
}
