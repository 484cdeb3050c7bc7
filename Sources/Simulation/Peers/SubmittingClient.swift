import NIOCore

/// A client outside that sends messages, one after the other on one connection.
final class SubmittingClient: ConnectionEnd {
    private enum State { case greeting, hello, startTLS, password, envelope, reset, dataReply, final, goodbye, closed }

    private let machine: SimulatedMachine
    private var messages: [SubmittedMessage]
    private var connection: Connection?
    private var state = State.greeting
    private var input = LineBuffer()
    private var current: SubmittedMessage?
    /// Replies to MAIL and RCPT so far.
    private var replies: [Int] = []
    private var random: Randomness
    private let usesChunks: Bool
    /// Comes from an address that may not send mail anywhere just so.
    private let isStranger: Bool
    /// Nil: it says none.
    private let password: String?
    private var hasAuthenticated = false
    private var wantsTLS: Bool
    private var isOfferedTLS = false
    private var tls: PeerTLS?
    private var conduct = Chaos.TLSConduct.right

    init(_ machine: SimulatedMachine, _ messages: [SubmittedMessage], _ random: Randomness) {
        self.machine = machine
        self.messages = messages
        self.random = random
        usesChunks = self.random.oneIn(3)
        wantsTLS = self.random.oneIn(2)
        isStranger = self.random.oneIn(3)
        password = self.random.oneIn(2) ? self.random.pick(["right", "right", "wrong"]) : nil
    }

    var process: SimulatedProcess? { nil }

    func connect() {
        machine.openClients += 1
        let port = 20_000 + random.below(40_000)
        let address = try? SocketAddress(
            ipAddress: "\(isStranger ? "203.0.113" : "198.51.100").\(random.within(1...5))", port: port)
        connection = machine.network.connect(self, to: "192.0.2.1:25", from: address)
        // Nobody waits for ever.
        machine.world.schedule(after: 600_000_000_000, in: nil) { [self] in close() }
    }

    private func close() {
        guard state != .closed else { return }
        state = .closed
        machine.openClients -= 1
        connection?.end(from: self)
    }

    func receivedEnd() { close() }
    func wasReset() { close() }

    func received(_ bytes: [UInt8]) -> Bool {
        if let tls {
            let wasEstablished = tls.isEstablished
            input.add(tls.take(machine.chaos.damaged(bytes)))
            connection?.send(machine.chaos.damaged(tls.ciphertext()), from: self)
            if tls.hasFailed {
                close()
                return false
            }
            if tls.isEstablished, !wasEstablished {
                state = .hello
                say("EHLO client.example\r\n")
            }
        } else {
            input.add(bytes)
        }
        while state != .closed, let line = input.next() {
            let text = line.utf8
            guard text.count >= 3, let code = Int(line.prefix(3)) else { continue }
            if line.dropFirst(4) == "STARTTLS" { isOfferedTLS = true }
            if text.count > 3, line.dropFirst(3).first == "-" { continue }
            take(code)
        }
        return state != .closed
    }

    private func say(_ text: String) {
        guard let tls else { return connection?.send(Array(text.utf8), from: self) ?? () }
        tls.put(Array(text.utf8))
        connection?.send(machine.chaos.damaged(tls.ciphertext()), from: self)
    }

    /// RFC 3207. False: it has something else to say.
    private func startTLS() -> Bool {
        guard wantsTLS, isOfferedTLS, tls == nil else { return false }
        state = .startTLS
        wantsTLS = false
        conduct = machine.chaos.tlsConduct(ofServer: false)
        say(conduct == .injects ? "STARTTLS\r\nRSET\r\nMAIL FROM:<injected@example.com>\r\n" : "STARTTLS\r\n")
        return true
    }

    private func beginHandshake() {
        input = LineBuffer()
        switch conduct {
        case .right, .refuses, .injects:
            guard let made = PeerTLS(.client) else { return machine.ledger.violated("no TLS for a client") }
            tls = made
            connection?.send(machine.chaos.damaged(made.ciphertext()), from: self)
        case .isSilent: break
        case .talksNonsense:
            let bytes = (0..<machine.world.random.within(1...300)).map { _ in UInt8(machine.world.random.below(256)) }
            connection?.send(bytes, from: self)
        case .breaksOff: close()
        }
    }

    private func take(_ code: Int) {
        machine.world.note("client", "\(current?.number ?? 0) \(state) \(code)")
        switch state {
        case .greeting:
            guard code == 220 else { return quit() }
            state = .hello
            say("EHLO client.example\r\n")
        case .hello:
            guard code == 250 else { return quit() }
            if startTLS() { return }
            guard let password else { return next() }
            state = .password
            if password == "wrong" { machine.world.count(.wrongPassword) }
            // With the response at once, or when it is asked for.
            say(random.oneIn(2) ? "AUTH PLAIN \(Scene.response(password))\r\n" : "AUTH PLAIN\r\n")
        case .startTLS:
            guard code == 220 else {
                state = .hello
                return say("EHLO client.example\r\n")
            }
            beginHandshake()
        case .password:
            if code == 334, let password { return say("\(Scene.response(password))\r\n") }
            hasAuthenticated = code == 235
            if hasAuthenticated, password != "right" { machine.ledger.violated("a wrong password was taken") }
            if code == 421 { return quit() }
            next()
        case .envelope:
            guard let current else { return quit() }
            replies.append(code)
            if replies.count == current.recipients.count + 1 { endOfEnvelope(current) }
        case .dataReply:
            guard let current, code == 354 else {
                current?.answer = .refused
                return next()
            }
            state = .final
            say(Self.stuffed(current.text) + ".\r\n")
        case .final:
            current?.answer = code == 250 ? .accepted : .refused
            if code == 421 { return quit() }
            next()
        case .reset: next()
        case .goodbye: close()
        case .closed: break
        }
    }

    private static func stuffed(_ text: String) -> String {
        var result = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix(".") { result += "." }
            result += line
            result += "\r\n"
        }
        return result
    }

    /// Strangers may write to our own domains only.
    private func checkRelaying(_ message: SubmittedMessage) {
        for recipient in message.recipients {
            if Scene.isOurs(String(recipient.split(separator: "@").last ?? "")) { continue }
            machine.ledger.violated("a stranger may write to \(recipient)")
        }
        if replies.contains(454) || replies.contains(554) { machine.world.count(.strangerRefused) }
    }

    private func next() {
        guard let message = messages.popLast() else { return quit() }
        current = message
        replies = []
        state = .envelope
        var text = "MAIL FROM:<\(message.sender)> ENVID=seed\(message.number)\r\n"
        for recipient in message.recipients { text += "RCPT TO:<\(recipient)>\r\n" }
        say(text)
    }

    private func endOfEnvelope(_ message: SubmittedMessage) {
        message.recipients = zip(message.recipients, replies.dropFirst()).filter { $0.1 == 250 }.map(\.0)
        if isStranger, !hasAuthenticated, replies.first == 250 { checkRelaying(message) }
        guard replies.first == 250, !message.recipients.isEmpty else {
            message.answer = .refused
            say("RSET\r\n")
            state = .reset
            return
        }
        guard usesChunks else {
            state = .dataReply
            return say("DATA\r\n")
        }
        state = .final
        let content = message.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map { $0 + "\r\n" }.joined()
        say("BDAT \(content.utf8.count) LAST\r\n\(content)")
    }

    private func quit() {
        state = .goodbye
        say("QUIT\r\n")
    }
}
