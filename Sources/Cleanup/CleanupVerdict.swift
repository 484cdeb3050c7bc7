import MailSyntax
import Spool

/// What became of a message.
public enum CleanupVerdict: Sendable, Equatable {
    /// On disk under this id, synchronised. `size` is what `size=` shows.
    case accepted(queueID: String, size: Int)
    /// Thrown away because a table said so; the client is told that it was queued.
    case discarded(queueID: String)
    /// Nothing is left on disk.
    case refused(CleanupProblem)
}

/// Why a message was not taken.
public enum CleanupProblem: Sendable, Equatable, Comparable {
    case aliasExpansion
    case noRecipients
    case tooManyHops
    case tooLarge
    /// A table (header_checks and its relatives) or the structure of the message; RFC 3463 status and text.
    case contentRejected(status: String, text: String)
    case writeFailure

    /// The most important first.
    private var rank: Int {
        switch self {
        case .aliasExpansion: 0
        case .noRecipients: 1
        case .tooManyHops: 2
        case .tooLarge: 3
        case .contentRejected: 4
        case .writeFailure: 5
        }
    }

    public static func < (left: CleanupProblem, right: CleanupProblem) -> Bool { left.rank < right.rank }

    /// The text that programs log: `error writing QID: queue file write error`.
    public var text: String {
        switch self {
        case .aliasExpansion: "Alias expansion error"
        case .noRecipients: "no recipients specified"
        case .tooManyHops: "too many hops"
        case .tooLarge: "message file too big"
        case .contentRejected(_, let text): text
        case .writeFailure: "queue file write error"
        }
    }

    /// The reply at the end of the data.
    public var reply: SMTPReplyValue {
        switch self {
        case .aliasExpansion: SMTPReplyValue(451, "4.6.0", text)
        case .noRecipients: SMTPReplyValue(550, "5.1.0", "Error: \(text)")
        case .tooManyHops: SMTPReplyValue(554, "5.4.0", "Error: \(text)")
        case .tooLarge: SMTPReplyValue(552, "5.3.4", "Error: \(text)")
        case .contentRejected(let status, let text):
            SMTPReplyValue(status.utf8.first == UInt8(ascii: "4") ? 451 : 550, status, text)
        case .writeFailure: SMTPReplyValue(451, "4.3.0", "Error: \(text)")
        }
    }

    /// RFC 3463 status, `5.3.4`.
    public var status: String { reply.status ?? "4.3.0" }
    public var isTransient: Bool { reply.isTransient }
}
