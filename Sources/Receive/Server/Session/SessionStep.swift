/// What the connection does after the session has judged a command.
public struct SessionStep: Sendable, Equatable {
    public enum Next: Sendable, Equatable {
        /// Read the next command.
        case command
        /// Read message content up to the final dot.
        case data
        /// Read that many bytes of a BDAT chunk.
        case chunk(size: Int, isLast: Bool)
        /// Read the client's answer to an AUTH challenge.
        case authentication
        /// Start the TLS handshake once the reply is written.
        case startTLS
        case close
    }

    public var reply: ServerReply?
    /// Seconds to wait before the reply: tarpitting.
    public var delay = 0
    /// A last reply after `reply`: too many errors.
    public var farewell: ServerReply?
    public var next = Next.command

    public init(_ reply: ServerReply?, next: Next = .command) {
        self.reply = reply
        self.next = next
    }
}
