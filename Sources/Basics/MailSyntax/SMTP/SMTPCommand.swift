/// An SMTP command as received: the verb is known, its arguments are split but not yet judged.
public enum SMTPCommand: Hashable, Sendable {
    case helo(String)
    case ehlo(String)
    /// The path as typed, with or without `<>`: read it with `SMTPPath`. Parameters as typed, `SIZE=100`.
    case mail(SMTPToken, parameters: [String])
    case rcpt(SMTPToken, parameters: [String])
    case data
    /// RFC 3030.
    case bdat(size: Int, isLast: Bool)
    case reset
    case noop
    case verify(String)
    case etrn(String)
    case quit
    case startTLS
    /// Mechanism in upper case; the initial response as sent, `=` being the empty one.
    case auth(mechanism: String, initialResponse: String?)
    case help
    case xclient([String])
    case xforward([String])
    /// Any other verb, in upper case.
    case unknown(String)
}

/// Why a command line is not a command.
public enum SMTPCommandError: Error, Hashable, Sendable {
    /// Not UTF-8 text.
    case notUTF8
    case empty
    /// Wrong number or form of arguments of this verb.
    case syntax(verb: String)
}

/// RFC 5321 §4.1 command lines, read as leniently as Postfix does.
public enum SMTPCommandParser {
    /// - Parameter line: the command line without its line end.
    public static func parse(_ line: some Collection<UInt8>) -> Result<SMTPCommand, SMTPCommandError> {
        guard let text = String(validating: line, as: UTF8.self) else { return .failure(.notUTF8) }
        return parse(text)
    }

    public static func parse(_ text: String) -> Result<SMTPCommand, SMTPCommandError> {
        let tokens = SMTPTokenizer.tokens(text)
        guard let first = tokens.first else { return .failure(.empty) }
        let verb = ASCII.uppercased(first.text)
        let arguments = Array(tokens.dropFirst())
        guard let command = command(verb, arguments) else { return .failure(.syntax(verb: verb)) }
        return .success(command)
    }

    private static func command(_ verb: String, _ arguments: [SMTPToken]) -> SMTPCommand? {
        let words = arguments.map(\.text)
        switch verb {
        case "HELO": return words.isEmpty ? nil : .helo(words.joined(separator: " "))
        case "EHLO": return words.isEmpty ? nil : .ehlo(words.joined(separator: " "))
        case "MAIL": return path("FROM:", arguments).map { .mail($0, parameters: $1) }
        case "RCPT": return path("TO:", arguments).map { .rcpt($0, parameters: $1) }
        case "DATA": return words.isEmpty ? .data : nil
        case "BDAT": return chunk(words)
        case "RSET": return words.isEmpty ? .reset : nil
        case "NOOP": return .noop
        case "VRFY": return words.isEmpty ? nil : .verify(words.joined(separator: " "))
        case "ETRN": return words.count == 1 ? .etrn(words[0]) : nil
        case "QUIT": return .quit
        case "STARTTLS": return words.isEmpty ? .startTLS : nil
        case "AUTH":
            guard (1...2).contains(words.count) else { return nil }
            return .auth(
                mechanism: ASCII.uppercased(words[0]), initialResponse: words.count > 1 ? words[1] : nil)
        case "HELP": return .help
        case "XCLIENT": return words.isEmpty ? nil : .xclient(words)
        case "XFORWARD": return words.isEmpty ? nil : .xforward(words)
        default: return .unknown(verb)
        }
    }

    private static func path(_ keyword: String, _ arguments: [SMTPToken]) -> (SMTPToken, [String])? {
        guard arguments.count >= 2, ASCII.equalIgnoringCase(arguments[0].text, keyword) else { return nil }
        return (arguments[1], arguments.dropFirst(2).map(\.text))
    }

    private static func chunk(_ words: [String]) -> SMTPCommand? {
        guard let first = words.first, let size = ASCII.decimal(first.utf8) else { return nil }
        switch words.count {
        case 1: return .bdat(size: size, isLast: false)
        case 2 where ASCII.equalIgnoringCase(words[1], "LAST"): return .bdat(size: size, isLast: true)
        default: return nil
        }
    }
}
