import MailSystem
import NIOCore

/// What is known of a message when its queue file is made.
public struct MessageEnvelope: Sendable {
    /// Internal form, empty for the null sender.
    public var sender: String
    public var arrival: MailTime
    public var facts: SessionFacts
    /// ENVID= without its xtext, RET= as `FULL` or `HDRS`.
    public var envelopeID: String?
    public var returnPart: String?
    /// `7bit` or `8bit` of BODY=, nil when not given.
    public var encoding: String?
    public var smtpUTF8: Bool
    /// Complete header addresses with our own domain (local_header_rewrite_clients).
    public var rewritesLocally: Bool
    /// Two delimiters; empty: none.
    public var verp = ""
}

/// One RCPT.
public struct MessageRecipient: Sendable, Equatable {
    /// Internal form.
    public var address: String
    /// NOTIFY= as Postfix's bit mask: never 1, success 2, failure 4, delay 8; 0 not given.
    public var notify = 0
    /// ORCPT= as `type;address`, decoded; nil when not given.
    public var original: String?
    /// As the client wrote it: what notifications name when ORCPT= is not given.
    public var typed: String?

    public init(address: String, notify: Int = 0, original: String? = nil, typed: String? = nil) {
        self.address = address
        self.notify = notify
        self.original = original
        self.typed = typed
    }
}

/// Why a message was not taken, as the reply to the client says it.
public enum IntakeVerdict: Sendable, Equatable {
    case accepted
    case refused(ServerReply)
}

/// Takes messages: makes queue files and cleans up what goes into them.
public protocol MessageIntake: Sendable {
    /// Makes the queue file.
    /// - Throws: it can't be made; the reply is then `451 4.3.0 Error: queue file write error`.
    func begin(_ envelope: MessageEnvelope) async throws -> any IncomingMail
}

/// A message on its way in. Used by one session, one call at a time.
public protocol IncomingMail: AnyObject, Sendable {
    var queueID: String { get }
    func add(_ recipient: MessageRecipient) async
    func set(_ effects: MessageEffects) async
    /// A header before the content: Received:, PREPEND. Folded lines are separated by LF, none at the end.
    func prepend(_ header: String) async
    /// Text lines ended by LF only; the last may be partial. Failures show in `finish`.
    func append(_ text: ByteBuffer) async
    /// The content is larger than message_size_limit: no more of it follows, and `abort` will.
    func exceedSize() async
    /// After `.accepted` the message is safe on disk.
    func finish() async -> IntakeVerdict
    /// Removes everything.
    func abort() async
}

extension IncomingMail {
    public func exceedSize() async {}
}
