/// The course of one run.
final class Run {
    private let machine: SimulatedMachine
    private var random: Randomness
    private var world: World { machine.world }
    private var chaos: Chaos { machine.chaos }

    init(_ machine: SimulatedMachine, _ random: Randomness) {
        self.machine = machine
        self.random = random
    }

    func perform() {
        if random.oneIn(4) { machine.prepareSpares(160) }
        machine.start()
        plan()
        guard world.run(seconds: chaos.seconds) != .tooManySteps else { return machine.ledger.violated("no end") }
        recover()
    }

    private func after(_ seconds: Double, _ body: @escaping () -> Void) {
        world.schedule(after: UInt64(seconds * 1e9), in: nil, body)
    }

    private func someTime() -> Double { Double(random.below(Int(chaos.seconds * 1000))) / 1000 }

    // MARK: trouble

    private func plan() {
        for (seconds, kind) in chaos.kills { after(seconds) { [machine] in machine.kill(kind) } }
        for (seconds, kind) in chaos.reloads { after(seconds) { [machine] in machine.reload(kind) } }
        for seconds in chaos.powerLosses { after(seconds) { [machine] in machine.losePower() } }
        for (seconds, jump) in chaos.clockJumps {
            after(seconds) { [world] in
                world.note("clock", "\(jump)")
                world.count(.clockJump)
                world.clockOffset += jump * 1_000_000
            }
        }
        for _ in 0..<random.within(1...4) { planClient() }
        if random.oneIn(2) {
            for _ in 0..<random.within(1...3) {
                let (message, time) = (makeMessage(), someTime())
                after(time) { [machine] in LocalSubmission.submit(message, machine) }
            }
        }
        wake()
    }

    private func makeMessage() -> SubmittedMessage {
        var recipients: [String] = []
        for _ in 0..<(random.oneIn(4) ? random.within(2...6) : 1) {
            let recipient = random.pick(Scene.recipients)
            if !recipients.contains(recipient) { recipients.append(recipient) }
        }
        let sender = random.pick(Scene.senders)
        switch sender {
        case "": world.count(.senderNull)
        case Scene.refusedSender: world.count(.senderRefused)
        case Scene.nowhereSender: world.count(.senderWithoutHost)
        case Scene.muteSender: world.count(.senderSilent)
        default: break
        }
        return machine.ledger.submit(sender: sender, recipients: recipients, &random)
    }

    private func planClient() {
        var messages: [SubmittedMessage] = []
        for _ in 0..<random.within(1...3) { messages.append(makeMessage()) }
        let client = SubmittingClient(machine, messages, random.split())
        after(someTime()) { client.connect() }
    }

    /// What master does every minute.
    private func wake() {
        machine.wakeUp("public/pickup")
        after(60) { [weak self] in self?.wake() }
    }

    // MARK: recovery

    /// Nothing goes wrong any more, time passes: everything has to find its end.
    private func recover() {
        chaos.isOn = false
        world.slowness = 200
        machine.network.makeFaults = nil
        world.note("recovery", "")
        machine.start()
        // Mostly the administrator flushes the queue; else time alone has to do.
        let flushes = !random.oneIn(5)
        var rounds = 0
        while rounds < 300 {
            // Mail to a host that never answers waits as long as bounce_queue_lifetime says. Twice: where the clock had gone
            // back, the first time only ends the wait of a message of which that host is then told.
            if rounds == 100 || rounds == 200,
                machine.ledger.submissions.contains(where: { $0.sender == Scene.muteSender })
            {
                world.clockOffset += 100_000 * 1_000_000
            }
            guard world.run(seconds: 120) != .tooManySteps else { return machine.ledger.violated("no end") }
            rounds += 1
            if rounds >= 2, machine.openClients == 0, leftovers.isEmpty { break }
            if flushes { machine.wakeUp("public/qmgr", "FDAI") }
        }
        for path in leftovers { machine.ledger.violated("left in the queue: \(path)") }
        machine.collectMailboxes()
        machine.ledger.check(machine.scene)
        machine.ledger.check(notices: machine.log.value.notices, machine.scene)
        world.end()
    }

    /// Files of the queue that are there for no reason.
    private var leftovers: [String] {
        let files = machine.queueDisk.files.map(\.path)
        func name(_ path: String) -> Substring? { path.split(separator: "/").last }
        // Of a message that nobody was told is safe, a power loss may leave damaged remains, and its logs.
        let damaged = machine.hasLostPower ? Set(files.filter { $0.hasPrefix("corrupt/") }.compactMap(name)) : []
        return files.filter { path in
            !["spare/", "pid/", "flush/"].contains { path.hasPrefix($0) } && !damaged.contains(name(path) ?? "")
        }
    }
}
