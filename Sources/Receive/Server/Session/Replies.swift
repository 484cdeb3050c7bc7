/// The fixed replies of the SMTP server, as Postfix words them.
enum Replies {
    static let ok = ServerReply(250, "2.0.0", "Ok")
    static let senderOk = ServerReply(250, "2.1.0", "Ok")
    static let recipientOk = ServerReply(250, "2.1.5", "Ok")
    static let bye = ServerReply(221, "2.0.0", "Bye")
    static let sendContent = ServerReply(354, nil, "End data with <CR><LF>.<CR><LF>")
    static let readyForTLS = ServerReply(220, "2.0.0", "Ready to start TLS")

    static let notRecognized = ServerReply(500, "5.5.2", "Error: command not recognized")
    static let badSyntax = ServerReply(500, "5.5.2", "Error: bad syntax")
    static let badUTF8 = ServerReply(500, "5.5.2", "Error: bad UTF-8 syntax")
    static let rulesBroken = ServerReply(221, "2.7.0", "Error: I can break rules, too. Goodbye.")
    static let outOfStep = ServerReply(554, "5.5.0", "Error: SMTP protocol synchronization")
    static let insufficientAuthorization = ServerReply(550, "5.7.0", "Error: insufficient authorization")
    static let notImplemented = ServerReply(502, "5.5.1", "Error: command not implemented")

    static let sayHello = ServerReply(503, "5.5.1", "Error: send HELO/EHLO first")
    static let nestedMail = ServerReply(503, "5.5.1", "Error: nested MAIL command")
    static let needMail = ServerReply(503, "5.5.1", "Error: need MAIL command")
    static let needRecipient = ServerReply(503, "5.5.1", "Error: need RCPT command")
    static let noRecipients = ServerReply(554, "5.5.1", "Error: no valid recipients")
    static let recipientAfterChunk = ServerReply(503, "5.5.1", "Error: RCPT after BDAT")
    static let dataAfterChunk = ServerReply(503, "5.5.1", "Error: DATA after BDAT")

    static let badSender = ServerReply(501, "5.1.7", "Bad sender address syntax")
    static let badRecipient = ServerReply(501, "5.1.3", "Bad recipient address syntax")
    static let tooManyRecipients = ServerReply(452, "4.5.3", "Error: too many recipients")
    static let sizeOverLimit = ServerReply(552, "5.3.4", "Message size exceeds fixed limit")
    static let noSpace = ServerReply(452, "4.3.1", "Insufficient system storage")
    static let fileTooBig = ServerReply(552, "5.3.4", "Error: message file too big")
    static let queueWriteError = ServerReply(451, "4.3.0", "Error: queue file write error")

    static func syntax(_ text: String) -> ServerReply { ServerReply(501, "5.5.4", "Syntax: \(text)") }
    static func unsupported(_ option: String) -> ServerReply {
        ServerReply(555, "5.5.4", "Unsupported option: \(option)")
    }
}
