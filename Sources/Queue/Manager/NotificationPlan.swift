import MailSyntax

/// Who is told what about a message: the rules of bounce(8) and postconf(5) notify_classes. Pure.
struct NotificationPlan: Sendable, Equatable {
    struct Notice: Sendable, Equatable {
        /// Envelope sender; empty, or the double-bounce address.
        var sender: String
        var recipient: String
        var report: ReportKind
        /// As the log line calls it: `sender non-delivery notification`.
        var label: String
    }

    var notices: [Notice] = []
    /// Nobody is told, and the log says why.
    var isDiscarded = false

    struct Settings: Sendable {
        /// notify_classes, lower case.
        var classes: Set<String> = ["resource", "software"]
        var bounceRecipient = "postmaster"
        var doubleBounceRecipient = "postmaster"
        var delayRecipient = "postmaster"
        /// Full address that notices to the postmaster come from.
        var doubleBounceAddress = "double-bounce"
        /// Off with disable_verp_bounces: one bounce for all recipients.
        var returnsSeparately = true
    }

    /// - Parameter sender: envelope sender of the message, internal form.
    init(_ kind: NotificationKind, sender: String, settings: Settings) {
        switch kind {
        case .failure, .expired:
            if isDoubleBounce(sender, settings) {
                isDiscarded = true
            } else if sender.isEmpty {
                guard settings.classes.contains("2bounce") else { return }
                notices = [postmaster(.doubleBounce, settings.doubleBounceRecipient, "non-delivery", settings)]
            } else {
                notices = [toSender(.failure, sender, "non-delivery notification")]
                if settings.classes.contains("bounce") {
                    notices.append(postmaster(.postmasterFailure, settings.bounceRecipient, "non-delivery", settings))
                }
            }
        case .delay:
            guard !sender.isEmpty, !isDoubleBounce(sender, settings) else { return }
            notices = [toSender(.delay, sender, "delay notification")]
            if settings.classes.contains("delay") {
                notices.append(postmaster(.postmasterDelay, settings.delayRecipient, "delay", settings))
            }
        case .trace, .verification:
            guard !sender.isEmpty, !isDoubleBounce(sender, settings) else { return }
            notices = [
                toSender(kind == .trace ? .success : .verify, sender, "delivery status notification")
            ]
        }
    }

    private func toSender(_ report: ReportKind, _ sender: String, _ what: String) -> Notice {
        Notice(sender: "", recipient: sender, report: report, label: "sender \(what)")
    }

    private func postmaster(_ report: ReportKind, _ recipient: String, _ what: String, _ settings: Settings) -> Notice {
        Notice(
            sender: settings.doubleBounceAddress, recipient: recipient, report: report,
            label: "postmaster \(what) notification")
    }

    private func isDoubleBounce(_ sender: String, _ settings: Settings) -> Bool {
        ASCII.equalIgnoringCase(sender, settings.doubleBounceAddress)
    }
}
