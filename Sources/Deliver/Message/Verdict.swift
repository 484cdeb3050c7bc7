/// What became of a delivery attempt, before it is logged and reported. Texts are Postfix's.
struct Verdict: Sendable, Equatable {
    enum Kind: Sendable, Equatable { case sent, deferred, bounced }

    var kind: Kind
    /// RFC 3463.
    var status: String
    var text: String
    /// RFC 3464 action of a success: `delivered`, `relayed`, `expanded`.
    var action = "delivered"
    /// RFC 3464 diagnostic: a command's words are `x-unix`, ours `X-Postfix`.
    var diagnosticType = ""
    var diagnosticText = ""
    /// The agent as a whole does not work: a missing user, a bad attribute. Other messages would fare no better.
    var isAgentFailure = false

    static func sent(_ text: String, action: String = "delivered") -> Verdict {
        Verdict(kind: .sent, status: "2.0.0", text: text, action: action)
    }

    static func deferred(_ status: String, _ text: String) -> Verdict {
        Verdict(kind: .deferred, status: status, text: text)
    }

    static func bounced(_ status: String, _ text: String) -> Verdict {
        Verdict(kind: .bounced, status: status, text: text)
    }

    /// The class of the status decides.
    static func failed(_ status: String, _ text: String) -> Verdict {
        status.hasPrefix("4") ? .deferred(status, text) : .bounced(status, text)
    }

    static var tableFailure: Verdict { .deferred("4.3.0", "table lookup failure") }
    static var aliasesUnavailable: Verdict { .deferred("4.3.0", "alias database unavailable") }
    /// `mail system configuration error`, with the cause in the log.
    static var configurationError: Verdict { .deferred("4.3.5", "mail system configuration error") }
}
