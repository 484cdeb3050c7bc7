import InternalProtocol
import MailSyntax

@testable import Send

extension FuzzTarget {
    static let serverReply = FuzzTarget("server-reply") { input in
        guard let seed = input.first else { return }
        let stream = Array(input.dropFirst())
        var parser = ReplyParser()
        let whole = parser.consume(stream)
        var other = ReplyParser()
        let cut = pieces(stream, seed: seed).flatMap { other.consume($0) }
        require(whole == cut, "the same replies in pieces")
        for reply in whole {
            require((200..<600).contains(reply.code), "a code")
            require(
                reply.text.utf8.count <= ReplyParser.maximumReply + parser.maximumLine + 1, "a bounded text")
            require(!reply.text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "one line for the log")
            require(reply.code / 100 == 3 || EnhancedStatus(reply.status) != nil, "a status: \(reply)")
            _ = ServerFeatures(reply, discarding: ["dsn"])
        }
    }

    /// A server that says anything at any time: the dialogue ends, and no recipient is decided twice or never.
    static let clientDialogue = FuzzTarget("client-dialogue") { input in
        var fields = InputReader(input)
        let flags = fields.byte()
        let peer = Peer(host: "mx.test", address: "192.0.2.25", port: 25)
        var settings = ClientSettings()
        settings.mode = flags & 1 != 0 ? .lmtp : .smtp
        var greeting = Greeting(
            settings: settings, peer: peer, tls: flags & 2 != 0 ? .may : .none, canUseTLS: true, detectsLoops: true,
            nexthop: "test")
        let bytes = fields.all()
        var events = eventStream(bytes)
        guard let outcome = play(&greeting, &events) else { return }
        guard case .ready(let features) = outcome else { return }
        var envelope = Envelope(sender: "a@b.test", recipients: [], size: 100)
        envelope.recipients = (0..<3).map { Envelope.Recipient(address: "r\($0)@test") }
        var transaction = Transaction(
            settings: settings, features: features, peer: peer, envelope: envelope, isFinal: true, resets: false)
        _ = play(&transaction, &events)
    }

    private static func eventStream(_ bytes: [UInt8]) -> [ClientEvent] {
        var parser = ReplyParser()
        return parser.consume(bytes).map { .reply($0) } + [.lost]
    }

    private static func play<D: Dialogue>(_ dialogue: inout D, _ events: inout [ClientEvent]) -> D.Outcome? {
        var actions = dialogue.start()
        var steps = 0
        while dialogue.outcome == nil {
            steps += 1
            require(steps < 10_000, "a dialogue ends")
            var answered = false
            for action in actions {
                switch action {
                case .send(let text):
                    require(text.hasSuffix("\r\n"), "whole command lines")
                    let lines = text.utf8.split(separator: 0x0A)
                    require(lines.allSatisfy { $0.last == 0x0D && $0.count <= 4096 }, "command lines: \(text)")
                case .sendContent:
                    actions = dialogue.receive(.contentSent)
                    answered = true
                case .startTLS:
                    actions = dialogue.receive(.secured(.untrusted))
                    answered = true
                default: break
                }
                if answered { break }
            }
            if answered { continue }
            guard !events.isEmpty else { return nil }
            actions = dialogue.receive(events.removeFirst())
        }
        return dialogue.outcome
    }
}
