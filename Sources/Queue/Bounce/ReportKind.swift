import Configuration

/// The kinds of notification: which template, which recipients, how much of the message.
public enum ReportKind: Sendable, CaseIterable {
    /// To the sender: mail was returned.
    case failure
    /// To the sender: mail is late.
    case delay
    /// To the sender: NOTIFY=SUCCESS.
    case success
    /// To the sender: what `sendmail -bv` and `-v` ask for.
    case verify
    /// To bounce_notice_recipient: headers of returned mail.
    case postmasterFailure
    /// To delay_notice_recipient: headers of late mail.
    case postmasterDelay
    /// To 2bounce_notice_recipient: a notification that could not be delivered, whole.
    case doubleBounce

    var template: BounceTemplate.Kind {
        switch self {
        case .failure, .postmasterFailure, .doubleBounce: .failure
        case .delay, .postmasterDelay: .delay
        case .success: .success
        case .verify: .verify
        }
    }

    var isForPostmaster: Bool { self == .postmasterFailure || self == .postmasterDelay || self == .doubleBounce }

    var isDelay: Bool { self == .delay || self == .postmasterDelay }

    /// Whether the message itself may be attached; RET=HDRS and bounce_size_limit forbid it too.
    var returnsContent: Bool { self == .failure || self == .doubleBounce }

    var attachmentDescription: String {
        switch self {
        case .success, .verify: "Message"
        default: "Undelivered Message"
        }
    }

    /// Whether a recipient with these NOTIFY bits (RFC 3461 §4.1; 0: not given) is reported.
    public func reports(notify: Int) -> Bool {
        switch self {
        case .failure: notify == 0 || notify & 4 != 0
        case .delay: notify == 0 || notify & 8 != 0
        case .success: notify & 2 != 0
        case .verify, .postmasterFailure, .postmasterDelay, .doubleBounce: true
        }
    }
}
