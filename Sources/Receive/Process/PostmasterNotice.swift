import Cleanup
import Configuration
import MailSyntax
import MailSystem
import Spool

/// Mails the postmaster what went wrong in an SMTP session (postconf(5) notify_classes, error_notice_recipient).
struct PostmasterNotice: Sendable {
    let cleanup: CleanupService
    let sender: String
    let recipient: String
    let mailName: String
    let clock: any MailClock
    let log: MailLog

    init(_ parameters: Parameters, cleanup: CleanupService, clock: any MailClock, log: MailLog) {
        self.cleanup = cleanup
        sender = "\(parameters["double_bounce_sender"])@\(parameters["myhostname"])"
        recipient = parameters["error_notice_recipient"]
        mailName = parameters["mail_name"]
        self.clock = clock
        self.log = log
    }

    /// - Parameter client: `name[address]`.
    func send(client: String, text: String) async {
        let now = clock.now()
        do {
            let draft = try await cleanup.begin(IncomingEnvelope(source: .generated, sender: sender, arrival: now))
            await draft.addRecipient(RecipientSpec(recipient))
            await draft.prependReceived()
            await draft.prependHeader("Date: \(LocalTime.rfc5322(now))")
            await draft.append(
                Array(
                    ("From: Mail Delivery System <MAILER-DAEMON>\nTo: Postmaster <\(EmailAddress.quoted(recipient))>\n"
                        + "Subject: \(mailName) SMTP server: errors from \(client)\n\n\(text)").utf8))
            if case .refused(let problem) = await draft.finish() { log.warning("postmaster notify: \(problem.text)") }
        } catch {
            log.warning("postmaster notify: \(error)")
        }
    }
}
