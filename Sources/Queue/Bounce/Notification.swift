import Configuration
import MailSyntax
import MailSystem
import Spool

/// A delivery status notification (RFC 3464, RFC 6522, RFC 6533), from the first header to the last boundary, in the
/// form that Postfix gives it. Streams: neither log nor message is held. The Received: and Date: headers are
/// `prologue`; Message-Id comes from cleanup.
public struct Notification: Sendable {
    /// The message that is reported.
    public struct Subject: Sendable {
        public var queueID: String
        public var message: QueuedMessage

        public init(queueID: String, message: QueuedMessage) {
            self.queueID = queueID
            self.message = message
        }
    }

    public let kind: ReportKind
    let settings: NotificationSettings
    let subject: Subject
    let recipient: String
    let boundary: String
    let template: BounceTemplate

    /// - Parameters:
    ///   - recipient: of the notification, internal form.
    ///   - now: for the boundary.
    public init(
        _ kind: ReportKind, to recipient: String, subject: Subject, settings: NotificationSettings, now: MailTime
    ) {
        self.kind = kind
        self.recipient = recipient
        self.subject = subject
        self.settings = settings
        boundary = "\(subject.queueID).\(now.seconds)/\(settings.hostName)"
        template = settings.templates[kind.template]
    }

    /// The headers that a message made by the mail system starts with.
    public static func prologue(queueID: String, settings: NotificationSettings, now: MailTime) -> [UInt8] {
        let date = LocalTime.rfc5322(now)
        return Array(
            "Received: by \(settings.hostName) (\(settings.mailName))\n\tid \(queueID); \(date)\nDate: \(date)\n".utf8)
    }

    /// How many entries of a log the notification would report: none, and it must not be sent.
    public static func count(_ kind: ReportKind, in log: some NotificationLog) throws -> Int {
        var count = 0
        try log.forEach { if kind.reports(notify: $0.dsnNotify) { count += 1 } }
        return count
    }

    /// `8bit`, `7bit` or empty (unknown).
    public var encoding: String { settings.smtputf8 ? "8bit" : subject.message.encoding }

    /// RFC 6533 forms: the message used SMTPUTF8.
    var isGlobal: Bool { encoding == "8bit" && subject.message.size.sendOptions.contains(.smtputf8Requested) }

    /// Sender of the reported message; the null sender has a name here.
    var originalSender: String {
        subject.message.sender.isEmpty ? "MAILER-DAEMON@\(settings.hostName)" : subject.message.sender
    }

    /// Writes the notification as text with LF line ends. Blocks.
    /// - Parameters:
    ///   - log: what happened to the recipients.
    ///   - original: the reported message; nil when its content cannot be had.
    ///   - emit: takes pieces of text; what it throws ends the writing.
    public func write(
        log: some NotificationLog, original: QueueFileReader?, emit: ([UInt8]) throws -> Void
    ) throws {
        let text = NotificationText(self, log: log, original: original)
        defer { text.close() }
        while let piece = try text.next() { try emit(piece) }
    }
}
