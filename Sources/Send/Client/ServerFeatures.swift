import MailSyntax

/// What a server announced in its EHLO or LHLO reply.
struct ServerFeatures: Sendable, Equatable {
    var pipelining = false
    var eightBitMIME = false
    var dsn = false
    var smtpUTF8 = false
    var startTLS = false
    /// Attributes of XFORWARD, in upper case.
    var xforward: Set<String> = []
    /// SIZE was announced; 0 when without a limit.
    var sizeLimit: Int?
    /// Keywords that were announced and thrown away by smtp_discard_ehlo_keywords.
    var discarded: [String] = []

    init() {}

    /// - Parameter discarding: lower-case keywords to ignore.
    init(_ reply: ServerReply, discarding: Set<String>) {
        for line in reply.lines.dropFirst() {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "=" }
            guard let first = words.first else { continue }
            let keyword = ASCII.lowercased(String(first))
            if discarding.contains(keyword) {
                discarded.append(keyword)
                continue
            }
            switch keyword {
            case "pipelining": pipelining = true
            case "8bitmime": eightBitMIME = true
            case "dsn": dsn = true
            case "smtputf8": smtpUTF8 = true
            case "starttls": startTLS = true
            case "xforward": xforward = Set(words.dropFirst().map { ASCII.uppercased(String($0)) })
            case "size": sizeLimit = words.count > 1 ? ASCII.decimal(words[1].utf8) ?? 0 : 0
            default: break
            }
        }
    }
}
