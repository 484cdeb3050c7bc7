import Configuration
import MailSyntax
import MailSystem

/// smtpd_reject_footer: text that follows each 4xx and 5xx reply; postconf(5).
struct RejectFooter {
    private let template: String

    init(_ template: String) { self.template = template }

    /// `\n` starts another reply line, `\c` at the start continues the last line.
    func applied(
        to reply: ServerReply, facts: SessionFacts, settings: ServerSettings, clock: any MailClock
    ) -> ServerReply {
        let text = (try? MacroText.expand(template) { name in Self.value(name, facts, settings, clock) }) ?? template
        var lines = Self.split(text)
        var result = reply
        if let first = lines.first, first.utf8.starts(with: "\\c".utf8), let last = result.lines.popLast() {
            result.lines.append(last + first.dropFirst(2))
            lines.removeFirst()
        }
        result.lines += lines
        return result
    }

    private static func split(_ text: String) -> [String] {
        var lines = [""]
        var rest = text[...]
        while let character = rest.popFirst() {
            if character == "\\", rest.first == "n" {
                rest.removeFirst()
                lines.append("")
            } else {
                lines[lines.count - 1].append(character)
            }
        }
        return lines
    }

    private static func value(
        _ name: String, _ facts: SessionFacts, _ settings: ServerSettings, _ clock: any MailClock
    ) -> String? {
        switch name {
        case "client": facts.client.nameAndAddress
        case "client_address": facts.client.address
        case "client_name": facts.client.name
        case "client_port": facts.client.port
        case "reverse_client_name": facts.client.reverseName
        case "helo_name": facts.helo ?? ""
        case "sender": facts.sender ?? ""
        case "recipient": facts.recipient ?? ""
        case "sasl_method": facts.saslMethod ?? ""
        case "sasl_username": facts.saslUsername ?? ""
        case "sasl_sender": facts.saslSender ?? ""
        case "server_name": settings.myhostname
        case "myhostname": settings.myhostname
        case "localtime": LocalTime.syslogStamp(clock.now())
        default: nil
        }
    }
}
