/// From MAIL to the end of the message.
struct MailTransaction {
    enum Chunks: Equatable {
        case none
        case receiving
        /// A chunk was refused: the rest is thrown away.
        case failed
    }

    /// Internal form.
    var sender: String
    /// `7bit` or `8bit`.
    var encoding: String?
    var smtpUTF8 = false
    var envelopeID: String?
    var returnPart: String?
    /// Two delimiters; empty: none.
    var verp = ""
    /// local_header_rewrite_clients: headers are completed with our own domain.
    var rewritesLocally = false
    /// The queue file; made at the first recipient.
    var message: (any IncomingMail)?
    /// External form of the first recipient as the Received: header shows it.
    var firstRecipient = ""
    var recipientCount = 0
    /// RCPT commands past smtpd_recipient_limit.
    var overshoot = 0
    var effects = MessageEffects()
    var chunks = Chunks.none
    /// The header lines and effects have gone to the intake.
    var hasBegunContent = false
    /// Bytes of content as on the wire.
    var size = 0
    /// Why the content will be refused; the rest of it is read and thrown away.
    var problem: ServerReply?
    /// A line ended in a bare LF.
    var sawBareNewline = false

    init(sender: String) { self.sender = sender }
}
