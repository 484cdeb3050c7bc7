/// A mail server outside: one connection to it.
final class RemoteServer: ConnectionEnd {
    private let machine: SimulatedMachine
    private let address: String
    private let connection: Connection
    private var isLMTP: Bool { address.hasSuffix(":24") }
    private var input = LineBuffer()
    private var sender: String?
    private var recipients: [String] = []
    private var content: [String]?
    private var isClosed = false
    private var isMute = false
    private var tls: PeerTLS?
    private var offersTLS: Bool
    /// Replies go out in order, each at its time.
    private var busyUntil: UInt64 = 0

    init(_ machine: SimulatedMachine, _ address: String, _ connection: Connection) {
        self.machine = machine
        self.address = address
        self.connection = connection
        offersTLS = machine.world.random.oneIn(2)
        if let text = machine.chaos.greetingTrouble() { say(text, closes: true) } else { say("220 \(address) ESMTP") }
    }

    var process: SimulatedProcess? { nil }

    func received(_ bytes: [UInt8]) -> Bool {
        if let tls {
            input.add(tls.take(machine.chaos.damaged(bytes)))
            connection.send(machine.chaos.damaged(tls.ciphertext()), from: self)
            if tls.hasFailed { breakOff() }
        } else {
            input.add(bytes)
        }
        while !isClosed, let line = input.next() { take(line) }
        return !isClosed
    }

    private func breakOff() {
        isClosed = true
        connection.end(from: self)
    }

    /// RFC 3207
    private func startTLS() {
        let conduct = machine.chaos.tlsConduct(ofServer: true)
        guard conduct != .refuses else { return say("454 4.7.0 not available") }
        // What came behind the command in plaintext is thrown away.
        input = LineBuffer()
        sender = nil
        offersTLS = false
        let injected = conduct == .injects ? "250 2.0.0 injected\r\n250 2.0.0 injected\r\n" : ""
        connection.send(Array("220 2.0.0 go ahead\r\n\(injected)".utf8), from: self)
        switch conduct {
        case .right, .injects, .refuses: tls = PeerTLS(.server)
        case .isSilent: isMute = true
        case .talksNonsense:
            isMute = true
            connection.send(
                (0..<machine.world.random.within(1...300)).map { _ in UInt8(machine.world.random.below(256)) },
                from: self)
        case .breaksOff: breakOff()
        }
    }

    func receivedEnd() {
        isClosed = true
        connection.end(from: self)
    }

    func wasReset() { isClosed = true }

    /// - Parameter heard: called when the machine has the reply, undamaged.
    private func say(_ text: String, closes: Bool = false, heard: (() -> Void)? = nil) {
        guard !isClosed, !isMute else { return }
        let (reply, isTrue) = machine.chaos.distort(text)
        // It has lost its voice for good: a client that goes on would take the next reply for this one.
        if !isTrue { isMute = true }
        guard let reply else { return }
        let due = max(busyUntil, machine.world.now + machine.chaos.replyDelay())
        busyUntil = due
        machine.world.schedule(after: due - machine.world.now, in: nil) { [self] in
            guard !isClosed else { return }
            var bytes = Array((reply + "\r\n").utf8)
            if let tls {
                tls.put(bytes)
                let sent = tls.ciphertext()
                bytes = machine.chaos.damaged(sent)
                guard bytes == sent else { return connection.send(bytes, from: self) }
            }
            connection.send(bytes, from: self, arrived: isTrue ? heard : nil)
            if closes {
                isClosed = true
                connection.end(from: self)
            }
        }
    }

    private func take(_ line: String) {
        if content != nil { return takeContent(line) }
        machine.world.note("remote", "\(address) \(line)")
        let verb = line.split(separator: " ").first.map { $0.uppercased() } ?? ""
        switch verb {
        case "EHLO", "LHLO":
            let startTLS = offersTLS ? "250-STARTTLS\r\n" : ""
            say(
                "250-\(address)\r\n\(startTLS)250-PIPELINING\r\n250-SIZE 10000000\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME"
            )
        case "MAIL":
            if let trouble = machine.chaos.commandTrouble(permanent: false) { return say(trouble) }
            sender = Self.path(line)
            recipients = []
            say("250 2.1.0 Ok")
        case "RCPT": recipient(Self.path(line))
        case "DATA":
            guard sender != nil, !recipients.isEmpty else { return say("503 5.5.1 no recipients") }
            if let trouble = machine.chaos.commandTrouble(permanent: false) { return say(trouble) }
            content = []
            say("354 go on")
        case "STARTTLS" where offersTLS: startTLS()
        case "RSET":
            sender = nil
            recipients = []
            say("250 2.0.0 Ok")
        case "QUIT": say("221 2.0.0 Bye", closes: true)
        default: say("502 5.5.2 unknown")
        }
    }

    private static func path(_ line: String) -> String {
        guard let open = line.firstIndex(of: "<"), let close = line.lastIndex(of: ">"), open < close else { return "" }
        return String(line[line.index(after: open)..<close])
    }

    private func recipient(_ address: String) {
        guard let sender else { return say("503 5.5.1 no sender") }
        if address.hasPrefix("bad") {
            if sender.isEmpty || sender == Scene.doubleBounceSender { machine.world.count(.notificationFailed) }
            return say("550 5.1.1 no such user")
        }
        let domain = String(address.split(separator: "@").last ?? "")
        if !Scene.servers(of: domain).contains(self.address) { return say("451 4.7.1 not here") }
        if let trouble = machine.chaos.commandTrouble(permanent: mayRefuse(sender)) { return say(trouble) }
        recipients.append(address)
        say("250 2.1.5 Ok")
    }

    /// Who cannot be told of it is not refused for good by chance.
    private func mayRefuse(_ sender: String) -> Bool {
        sender != Scene.doubleBounceSender && Scene.canBeTold(sender)
    }

    private func takeContent(_ line: String) {
        guard line == "." else {
            content?.append(line.hasPrefix(".") ? String(line.dropFirst()) : line)
            return
        }
        let text = (content ?? []).map { $0 + "\n" }.joined()
        content = nil
        let (sender, recipients) = (sender ?? "", recipients)
        self.sender = nil
        self.recipients = []
        if isLMTP {
            for recipient in recipients { finish(text, [recipient], sender) }
        } else {
            finish(text, recipients, sender)
        }
    }

    private func finish(_ text: String, _ recipients: [String], _ sender: String) {
        if let trouble = machine.chaos.commandTrouble(permanent: mayRefuse(sender)) { return say(trouble) }
        let numbers = recipients.map { machine.ledger.deliver(text, to: $0) }
        machine.world.note("taken", "\(address) \(recipients)")
        say("250 2.0.0 taken") { [machine] in for number in numbers { machine.ledger.confirm(number) } }
    }
}
