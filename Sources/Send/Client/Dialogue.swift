import TLS

/// What happens to a client connection, as its state machines see it.
enum ClientEvent: Sendable, Equatable {
    case reply(ServerReply)
    /// The TLS handshake is over.
    case secured(TLSOutcome)
    /// The content and its final dot were written.
    case contentSent
    /// The server closed the connection, or it broke.
    case lost
    /// Nothing came in the time set by the last `.expect`.
    case timedOut
}

/// What a TLS handshake gave.
enum TLSOutcome: Sendable, Equatable {
    case failed
    case untrusted
    /// The chain is good, the name was not asked for or does not match.
    case trusted
    case verified
}

/// What a state machine wants done.
enum ClientAction: Sendable, Equatable {
    /// Complete command lines.
    case send(String)
    /// Wait that many seconds for the next event.
    case expect(Int)
    case startTLS
    /// Stream the content, then the final dot.
    case sendContent
    /// Write the final dot alone.
    case sendDot
    case log(String)
    case warn(String)
}

/// A part of the conversation with a server: pure, driven by events, done when `outcome` is set.
protocol Dialogue: Sendable {
    associatedtype Outcome: Sendable
    var outcome: Outcome? { get }
    mutating func start() -> [ClientAction]
    mutating func receive(_ event: ClientEvent) -> [ClientAction]
}

/// A failure that concerns the server, not one recipient.
struct ServerFailure: Sendable, Equatable, Error {
    /// RFC 3463 status.
    var status: String
    /// As logged and reported.
    var reason: String
    /// The server's own words, for the Diagnostic-Code of a DSN; empty without a reply.
    var diagnostic = ""
    /// Another attempt without TLS may do (security level may).
    var mayRetryInPlaintext = false
    /// The best server is this system: best_mx_transport may take the mail.
    var isLoop = false
    /// The connection is in a state in which QUIT makes sense.
    var canQuit = false

    var isPermanent: Bool { status.hasPrefix("5") }

    static func lost(_ peer: Peer, _ doing: String) -> ServerFailure {
        ServerFailure(status: "4.4.2", reason: "lost connection with \(peer.name) while \(doing)")
    }

    static func timedOut(_ peer: Peer, _ doing: String) -> ServerFailure {
        ServerFailure(status: "4.4.2", reason: "conversation with \(peer.name) timed out while \(doing)")
    }
}
