import MailSyntax
import MailSystem

/// The Received: header that the server adds (RFC 5321 §4.4), as Postfix folds it.
enum ReceivedHeader {
    static func text(_ session: SMTPSession, _ transaction: MailTransaction, queueID: String) -> String {
        let facts = session.facts
        let settings = session.settings
        let client = facts.client
        let address = client.ip.map { $0.isIPv4 ? client.address : "IPv6:\(client.address)" } ?? client.address
        var text = "Received: from \(facts.helo ?? client.name) (\(client.name) [\(address)])\n"
        if settings.tlsReceivedHeader {
            for line in session.tlsComment { text += "\t\(line)\n" }
        }
        if settings.saslHeader, let user = facts.saslUsername {
            text += "\t(Authenticated sender: \(comment(user)))\n"
        }
        var with = (transaction.smtpUTF8 ? "UTF8SMTP" : facts.protocolName)
        if facts.tls != nil, with != "SMTP" { with += "S" }
        if facts.saslMethod != nil, with != "SMTP" { with += "A" }
        text += "\tby \(settings.myhostname) (\(settings.mailName)) with \(with) id \(queueID)"
        if transaction.recipientCount == 1 {
            text += "\n\tfor <\(transaction.firstRecipient)>; "
        } else {
            text += ";\n\t"
        }
        return text + LocalTime.rfc5322(session.environment.clock.now())
    }

    /// Text within a comment: parentheses and backslashes would end it.
    private static func comment(_ text: String) -> String {
        String(
            decoding: text.utf8.map { byte -> UInt8 in
                switch byte {
                case 0x28, 0x29, 0x5C, 0..<0x20, 0x7F: 0x3F
                default: byte
                }
            }, as: UTF8.self)
    }
}
