import MailSyntax

/// Dovecot's auth service, which hangs, lies and dies.
final class DovecotPeer: ConnectionEnd {
    private let machine: SimulatedMachine
    private let connection: Connection
    private var input = LineBuffer()
    private var isClosed = false

    init(_ machine: SimulatedMachine, _ connection: Connection) {
        self.machine = machine
        self.connection = connection
        switch machine.chaos.authenticationGreeting() {
        case .right?, nil:
            say("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t42\nCUID\t1\nCOOKIE\tc0ffee\nDONE\n")
        case .hangs?: break
        case .dies?: die()
        // A protocol that nobody knows, the socket of masters, or nonsense.
        case .lies?:
            say(
                machine.world.random.pick([
                    "VERSION\t9\t0\nDONE\n", "VERSION\t1\t2\nSPID\t42\nDONE\n", "MECH\nMECH\t\nDONE\tx\n\u{0}\n",
                ]))
        }
    }

    var process: SimulatedProcess? { nil }

    func received(_ bytes: [UInt8]) -> Bool {
        input.add(bytes)
        while !isClosed, let line = input.next() { take(line) }
        return !isClosed
    }

    func receivedEnd() {
        isClosed = true
        connection.end(from: self)
    }

    func wasReset() { isClosed = true }

    private func say(_ text: String) { connection.send(Array(text.utf8), from: self) }

    private func die() {
        isClosed = true
        connection.end(from: self)
    }

    private func take(_ line: String) {
        let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard words.count >= 2 else { return }
        switch words[0] {
        case "AUTH":
            guard let response = words.first(where: { $0.hasPrefix("resp=") }) else {
                return say("CONT\t\(words[1])\t\n")
            }
            answer(words[1], String(response.dropFirst(5)))
        case "CONT" where words.count > 2: answer(words[1], words[2])
        default: break
        }
    }

    private func answer(_ id: String, _ response: String) {
        let isRight = response == Scene.rightResponse
        let truth = isRight ? "OK\t\(id)\tuser=\(Scene.user)\n" : "FAIL\t\(id)\tuser=\(Scene.user)\n"
        switch machine.chaos.authenticationTrouble() {
        case .right: say(truth)
        case .hangs: break
        case .dies:
            // In the middle of a line.
            say(String(truth.prefix(machine.world.random.below(truth.utf8.count))))
            die()
        case .lies:
            // To somebody who did not ask, about nobody, twice, without an end: never that a wrong password is right.
            let other = "OK\t\(100_000 + machine.world.random.below(1000))\tuser=somebody\n"
            say(
                machine.world.random.pick([
                    other + truth, "OK\t\(id)\n", "OK\n" + truth, truth + truth, "OK\t\(id)x\tuser=\(Scene.user)\n",
                    "FAIL\t\(id)\ttemp\n" + "OK\t\(id)\tuser=\(Scene.user)\n", String(repeating: "O", count: 70_000),
                ]))
        }
    }
}

/// How a scripted service behaves at one step.
enum ServiceConduct { case right, hangs, dies, lies }
