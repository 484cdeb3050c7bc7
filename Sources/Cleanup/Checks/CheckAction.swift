import MailSyntax

/// What a header_checks(5) or body_checks(5) table says of a line.
package enum CheckAction: Equatable, Sendable {
    case bcc(String)
    case discard(String)
    case dunno
    case filter(String)
    case hold(String)
    case ignore
    case info(String)
    case pass
    case prepend([UInt8])
    case redirect(String)
    case reject(String)
    case replace([UInt8])
    case strip(String)
    case warn(String)

    /// An entry that makes no sense; the line is let through.
    package struct Problem: Error, Equatable {
        package let text: String
    }

    /// - Parameters:
    ///   - value: of the table, `ACTION text`.
    ///   - map: the parameter, for what is wrong.
    ///   - isHeader: PREPEND must give a header.
    package static func parse(_ value: [UInt8], map: String, isHeader: Bool) throws(Problem) -> CheckAction {
        let trimmed = value.drop(while: ASCII.isSpace)
        let word = trimmed.prefix { !ASCII.isSpace($0) }
        let argument = Array(trimmed.dropFirst(word.count).drop(while: ASCII.isSpace))
        let text = String(decoding: argument, as: UTF8.self)
        switch ASCII.uppercased(String(decoding: word, as: UTF8.self)) {
        case "BCC":
            guard argument.contains(0x40) else {
                throw Problem(text: "bad BCC address \"\(text)\" in \(map) map -- need user@domain")
            }
            return .bcc(text)
        case "DISCARD": return .discard(text)
        case "DUNNO", "OK": return .dunno
        case "FILTER":
            if argument.isEmpty { throw Problem(text: "missing FILTER command argument in \(map) map") }
            guard argument.contains(0x3A) else {
                throw Problem(text: "bad FILTER command \(text) in \(map) -- need transport:destination")
            }
            return .filter(text)
        case "HOLD": return .hold(text)
        case "IGNORE": return .ignore
        case "INFO": return .info(text)
        case "PASS": return .pass
        case "PREPEND":
            if argument.isEmpty { throw Problem(text: "PREPEND action without text in \(map) map") }
            if isHeader, HeaderLine.colon(argument) == nil {
                throw Problem(
                    text: "bad PREPEND header text \"\(text)\" in \(map) map -- need \"headername: headervalue\"")
            }
            return .prepend(argument)
        case "REDIRECT":
            guard argument.contains(0x40) else {
                throw Problem(text: "bad REDIRECT target \"\(text)\" in \(map) map -- need user@domain")
            }
            return .redirect(text)
        case "REJECT": return .reject(text)
        case "REPLACE":
            if argument.isEmpty { throw Problem(text: "REPLACE action without text in \(map) map") }
            return .replace(argument)
        case "STRIP": return .strip(text)
        case "WARN": return .warn(text)
        default:
            throw Problem(text: "unknown command in \(map) map: \(String(decoding: value, as: UTF8.self))")
        }
    }

    /// What log lines call the action, and the text behind them; nil for what is not logged.
    package var logged: (verb: String, text: String)? {
        switch self {
        case .bcc(let text): ("bcc", text)
        case .discard(let text): ("discard", text)
        case .dunno, .ignore: nil
        case .filter(let text): ("filter", text)
        case .hold(let text): ("hold", text)
        case .info(let text): ("info", text)
        case .pass: ("pass", "")
        case .prepend(let bytes): ("prepend", String(decoding: bytes, as: UTF8.self))
        case .redirect(let text): ("redirect", text)
        case .reject(let text): ("reject", RejectText(text).description)
        case .replace(let bytes): ("replace", String(decoding: bytes, as: UTF8.self))
        case .strip(let text): ("strip", text)
        case .warn(let text): ("warning", text)
        }
    }
}

/// Why a message is refused: `5.7.1 message content rejected` unless the table says otherwise.
package struct RejectText: Equatable, Sendable, CustomStringConvertible {
    package let status: EnhancedStatus?
    package let text: String

    package init(_ text: String) {
        if let (status, rest) = EnhancedStatus.split(text) {
            self.status = status.statusClass == 2 ? status.withClass(5) : status
            self.text = rest.isEmpty ? Self.standard : rest
        } else {
            status = EnhancedStatus(statusClass: 5, subject: 7, detail: 1)
            self.text = text.isEmpty ? Self.standard : text
        }
    }

    private static let standard = "message content rejected"

    package var statusText: String { status?.description ?? "5.7.1" }
    package var description: String { "\(statusText) \(text)" }
}
