import MailSyntax

/// How a look-up of the client's name ended.
public enum NameStatus: Sendable, Equatable {
    case ok
    /// The DNS did not answer: restrictions on names defer.
    case temporary
    /// No name, or a name that does not lead back to the address.
    case permanent
}

/// What is known of a client before it says anything.
public struct ClientIdentity: Sendable, Equatable {
    /// The verified host name, or `unknown`.
    public var name: String
    public var nameStatus: NameStatus
    /// The name of the PTR record, verified or not, or `unknown`.
    public var reverseName: String
    public var reverseStatus: NameStatus
    /// Without brackets and without `IPv6:`; `unknown` when the client went away first.
    public var address: String
    public var ip: IPAddress?
    public var port: String

    public init(
        name: String, nameStatus: NameStatus, reverseName: String, reverseStatus: NameStatus, address: String,
        ip: IPAddress?, port: String
    ) {
        self.name = name
        self.nameStatus = nameStatus
        self.reverseName = reverseName
        self.reverseStatus = reverseStatus
        self.address = address
        self.ip = ip
        self.port = port
    }

    /// `name[address]`: how log lines call the client.
    public var nameAndAddress: String { "\(name)[\(address)]" }
}

/// What restrictions may know of an encrypted session.
public struct TLSFacts: Sendable, Equatable {
    /// `TLSv1.3`
    public var version: String
    public var cipher: String
    public var cipherBits: Int
    public var algorithmBits: Int
    /// The client's certificate chain leads to a trusted CA.
    public var isTrusted = false
    /// Certificate fields; empty without a client certificate. Fingerprints as `AA:BB:…`.
    public var subject = ""
    public var issuer = ""
    public var fingerprint = ""
    public var publicKeyFingerprint = ""

    public init(version: String, cipher: String, cipherBits: Int, algorithmBits: Int) {
        self.version = version
        self.cipher = cipher
        self.cipherBits = cipherBits
        self.algorithmBits = algorithmBits
    }
}

/// Everything the restriction lists, policy servers and log lines may know of a session at one moment.
public struct SessionFacts: Sendable {
    public var client: ClientIdentity
    public var serverAddress: String
    public var serverPort: String
    /// `SMTP` or `ESMTP`, as log lines have it.
    public var protocolName = "SMTP"
    /// The command being processed, `RCPT`: the stage that log lines name.
    public var stage = "CONNECT"
    /// The HELO or EHLO name as the client gave it; nil before.
    public var helo: String?
    /// Internal form, `` for the null sender; nil outside a mail transaction.
    public var sender: String?
    /// The recipient of this RCPT (or VRFY) command; at DATA and later the only recipient, nil when there are more.
    public var recipient: String?
    /// Recipients accepted so far.
    public var recipientCount = 0
    /// SIZE= of MAIL, and the real size at end of data; 0 unknown.
    public var size = 0
    /// The domain of ETRN.
    public var etrnDomain: String?
    public var saslMethod: String?
    public var saslUsername: String?
    public var saslSender: String?
    public var tls: TLSFacts?
    /// Nil before the first accepted recipient.
    public var queueID: String?
    /// The same for all policy requests of one message.
    public var instance = ""
    /// The client sent commands ahead of a reply that it had to wait for.
    public var pipelinedEarly = false
    /// SMTPUTF8 was requested by MAIL or VRFY.
    public var smtpUTF8 = false
    /// XFORWARD; until the message ends.
    public var forwarded: ForwardedClient?

    public init(client: ClientIdentity, serverAddress: String, serverPort: String) {
        self.client = client
        self.serverAddress = serverAddress
        self.serverPort = serverPort
    }

    /// `NOQUEUE: reject: RCPT from name[address]: text; from=<…> to=<…> proto=ESMTP helo=<…>`
    package func eventLine(_ verb: String, _ text: String, client: String) -> String {
        var line = "\(queueID ?? "NOQUEUE"): \(verb): \(stage) from \(client): \(text);"
        if let sender { line += " from=<\(EmailAddress.quoted(sender))>" }
        if let recipient { line += " to=<\(EmailAddress.quoted(recipient))>" }
        line += " proto=\(protocolName)"
        if let helo { line += " helo=<\(helo)>" }
        return line
    }
}
