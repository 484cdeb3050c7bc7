import Testing

@testable import Send

/// Plays a dialogue against a scripted server, without any network. Each step of the script is a server's reply, or `LOST`
/// or `TIMEOUT`; `content` and `TLS` are answered at once.
struct DialogueScript<D: Dialogue> {
    var dialogue: D
    var sent: [String] = []
    var logged: [String] = []
    private var parser = ReplyParser()

    init(_ dialogue: D) { self.dialogue = dialogue }

    /// Returns the outcome, nil when the script ended before the dialogue.
    mutating func play(_ script: [String], tls: TLSOutcome = .untrusted) -> D.Outcome? {
        perform(dialogue.start(), tls)
        return play(after: script, tls: tls)
    }

    /// Goes on where an earlier script ended.
    mutating func play(after script: [String], tls: TLSOutcome = .untrusted) -> D.Outcome? {
        for step in script {
            switch step {
            case "LOST": perform(dialogue.receive(.lost), tls)
            case "TIMEOUT": perform(dialogue.receive(.timedOut), tls)
            default:
                for reply in parser.consume((step + "\r\n").utf8) { perform(dialogue.receive(.reply(reply)), tls) }
            }
        }
        return dialogue.outcome
    }

    private mutating func perform(_ actions: [ClientAction], _ tls: TLSOutcome) {
        for action in actions {
            switch action {
            case .send(let text): sent += text.split(separator: "\r\n").map(String.init)
            case .sendDot: sent.append(".")
            case .sendContent:
                sent += ["(content)", "."]
                perform(dialogue.receive(.contentSent), tls)
            case .startTLS:
                sent.append("(TLS)")
                perform(dialogue.receive(.secured(tls)), tls)
            case .log(let text), .warn(let text): logged.append(text)
            case .expect: break
            }
        }
    }
}

let testPeer = Peer(host: "mx.test", address: "192.0.2.25", port: 25)
