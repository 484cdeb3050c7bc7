import NIOCore

/// A client outside that sends messages, one after the other on one connection.
final class SubmittingClient: ConnectionEnd {
    private enum State { case greeting, hello, envelope, dataReply, final, goodbye, closed }

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

    init(_ machine: SimulatedMachine, _ messages: [SubmittedMessage], _ random: Randomness) {
        self.machine = machine
        self.messages = messages
        self.random = random
        usesChunks = self.random.oneIn(3)
    }

    var process: SimulatedProcess? { nil }

    func connect() {
        machine.openClients += 1
        let port = 20_000 + random.below(40_000)
        let address = try? SocketAddress(ipAddress: "198.51.100.\(random.within(1...5))", port: port)
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
        input.add(bytes)
        while state != .closed, let line = input.next() {
            let text = line.utf8
            guard text.count >= 3, let code = Int(line.prefix(3)) else { continue }
            if text.count > 3, line.dropFirst(3).first == "-" { continue }
            take(code)
        }
        return state != .closed
    }

    private func say(_ text: String) { connection?.send(Array(text.utf8), from: self) }

    private func take(_ code: Int) {
        machine.world.note("client", "\(current?.number ?? 0) \(state) \(code)")
        switch state {
        case .greeting:
            guard code == 220 else { return quit() }
            state = .hello
            say("EHLO client.example\r\n")
        case .hello:
            guard code == 250 else { return quit() }
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
        guard replies.first == 250, !message.recipients.isEmpty else {
            message.answer = .refused
            say("RSET\r\n")
            state = .hello
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
