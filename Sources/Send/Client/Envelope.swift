import MailSyntax

/// What a transaction sends, apart from the content.
struct Envelope: Sendable {
    struct Recipient: Sendable, Equatable {
        /// Internal form.
        var address: String
        /// `type;address`, or empty.
        var dsnOriginal = ""
        /// 1 never, 2 success, 4 failure, 8 delay.
        var dsnNotify = 0
    }

    /// Internal form; empty for the null sender.
    var sender: String
    var recipients: [Recipient]
    /// Octets as the server counts them, near enough (RFC 1870 §5).
    var size: Int
    /// The content has bytes above 127.
    var isEightBit = false
    /// The message can't do without SMTPUTF8.
    var needsSMTPUTF8 = false
    var envelopeID = ""
    /// 1 full, 2 headers.
    var dsnReturn = 0
    /// For XFORWARD; nil when it is not sent.
    var client: OriginalClient?

    func mailCommand(_ features: ServerFeatures) -> String {
        var command = "MAIL FROM:<\(EmailAddress.quoted(sender))>"
        if features.sizeLimit != nil { command += " SIZE=\(size)" }
        if features.eightBitMIME, isEightBit { command += " BODY=8BITMIME" }
        if features.smtpUTF8, needsSMTPUTF8 { command += " SMTPUTF8" }
        if features.dsn {
            if !envelopeID.isEmpty { command += " ENVID=\(XText.encode(envelopeID))" }
            if dsnReturn == 1 { command += " RET=FULL" }
            if dsnReturn == 2 { command += " RET=HDRS" }
        }
        return clean(command)
    }

    func recipientCommand(_ recipient: Recipient, _ features: ServerFeatures) -> String {
        var command = "RCPT TO:<\(EmailAddress.quoted(recipient.address))>"
        guard features.dsn else { return clean(command) }
        if let semicolon = recipient.dsnOriginal.utf8.firstIndex(of: UInt8(ascii: ";")) {
            let type = recipient.dsnOriginal[..<semicolon]
            let address = String(recipient.dsnOriginal[recipient.dsnOriginal.utf8.index(after: semicolon)...])
            let isUTF8 = ASCII.equalIgnoringCase(String(type), "utf-8") && needsSMTPUTF8 && features.smtpUTF8
            command += " ORCPT=\(type);\(isUTF8 ? XText.encodeUTF8(address) : XText.encode(address))"
        }
        if recipient.dsnNotify & 1 != 0 {
            command += " NOTIFY=NEVER"
        } else if recipient.dsnNotify & 14 != 0 {
            let words = [(2, "SUCCESS"), (4, "FAILURE"), (8, "DELAY")].compactMap { bit, word in
                recipient.dsnNotify & bit != 0 ? word : nil
            }
            command += " NOTIFY=\(words.joined(separator: ","))"
        }
        return clean(command)
    }

    /// One line, whatever an address holds: no command may be smuggled in.
    private func clean(_ command: String) -> String {
        guard command.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) else { return command + "\r\n" }
        let bytes = command.utf8.map { $0 == 0x0D || $0 == 0x0A || $0 == 0 ? UInt8(ascii: "?") : $0 }
        return String(decoding: bytes, as: UTF8.self) + "\r\n"
    }
}
