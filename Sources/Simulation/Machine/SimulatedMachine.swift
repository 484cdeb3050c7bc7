import Configuration
import DNS
import Deliver
import Glibc
import MailSystem
import NIOCore
import Queue
import Receive
import Runtime
import Send
import Spool

/// The machine: its processes, as master keeps them, on its disks and network.
final class SimulatedMachine: @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    let world: World
    let queueDisk: SimulatedDisk
    let mailDisk: SimulatedDisk
    let network: SimulatedNetwork
    let scene = Scene()
    let chaos: Chaos
    let ledger = Ledger()
    let configuration: SimulatedConfiguration
    let words = WordCounter()
    let queueLock = SimulatedLock()
    let log = Unchecked(SimulatedLog())
    private var processes: [String: (process: SimulatedProcess, daemon: any DaemonProcess)] = [:]
    private var isUp = false
    var hasLostPower: Bool { ledger.hasLostPower }
    /// Clients that wait for something.
    var openClients = 0
    private var lastNumber = 0
    private var operations = 0
    private var killsToCome: [Int]
    private var lossesToCome: [Int]

    static let kinds = ["queue", "receive", "send", "deliver"]
    static let directories = [
        "incoming", "active", "deferred", "hold", "corrupt", "bounce", "defer", "trace", "flush", "maildrop", "spare",
        "pid", "private", "public",
    ]

    init(_ world: World, chaos: Chaos, configuration: SimulatedConfiguration, order: MetadataOrder) {
        self.world = world
        self.chaos = chaos
        self.configuration = configuration
        queueDisk = SimulatedDisk(world, name: "queue", order: order)
        mailDisk = SimulatedDisk(world, name: "mail", order: order)
        network = SimulatedNetwork(world)
        killsToCome = chaos.killAtOperation
        lossesToCome = chaos.powerLossAtOperation
        for name in Self.directories { queueDisk.prepareDirectory(name) }
        mailDisk.prepareDirectory("mail")
        mailDisk.prepareDirectory("mail/home")
        for (account, forward) in Scene.users {
            let home = String(account.home.dropFirst())
            mailDisk.prepareDirectory(home)
            guard let forward else { continue }
            let file = mailDisk.makeInode(mode: 0o644, owner: account.uid, at: WorldClock(world: world).now())
            file.change(.write(offset: 0, bytes: Array(forward.utf8)))
            mailDisk.add("\(home)/.forward", file)
            mailDisk.synchronize(file)
        }
        queueDisk.fault = { [unowned self] operation, path, grows in diskFault(operation, path, grows) }
        mailDisk.fault = { [unowned self] operation, path, grows in
            let failure = diskFault(operation, path, grows)
            // What cannot be taken back from a mailbox stays there as after a crash.
            if failure != nil, operation == .remove || operation == .truncate { noteCrash() }
            return failure
        }
        for (index, listener) in configuration.listeners.enumerated() {
            network.listen(CInt(1000 + index), listener.address)
        }
        network.outside = { [unowned self] address in outside(address) }
        network.beside = { [unowned self] path in
            guard path == "private/auth", !self.chaos.authenticationIsDown() else { return nil }
            return .accepts { [unowned self] connection in DovecotPeer(self, connection) }
        }
        network.makeFaults = { [unowned self] in self.chaos.connectionFaults() }
    }

    /// Files of finished messages, as a busy machine has them.
    func prepareSpares(_ count: Int) {
        for number in 0..<count {
            let inode = queueDisk.makeInode(mode: 0o600, owner: 0, at: WorldClock(world: world).now())
            let id = QueueID(
                time: MailTime(seconds: World.start - 100, microseconds: number), inode: inode.number, long: false)
            queueDisk.add("spare/\(id.text)", inode)
            queueDisk.synchronize(inode)
        }
    }

    func tableFails(_ name: String) -> Bool { chaos.tableFails() }

    // MARK: disasters

    private func diskFault(_ operation: DiskOperation, _ path: String, _ grows: Bool) -> CInt? {
        operations += 1
        guard chaos.isOn else { return nil }
        if lossesToCome.contains(operations) {
            losePower()
            return EIO
        }
        if killsToCome.contains(operations), let process = world.current, Self.kinds.contains(process.kind) {
            kill(process.kind)
            return EIO
        }
        return chaos.diskError(operation, path, grows: grows)
    }

    /// kill -9; master starts another one.
    func kill(_ kind: String) {
        guard isUp, let (process, _) = processes.removeValue(forKey: kind) else { return }
        world.note("kill", process.name)
        world.count(.processKill)
        process.end()
        if kind != "receive" { noteCrash() }
        startLater(kind)
    }

    /// Deliveries without a record may be made again.
    private func noteCrash() {
        ledger.hasCrashed = true
        ledger.excuse(QueueContents.unfinished(queueDisk))
    }

    func losePower() {
        guard isUp else { return }
        world.note("power", "lost")
        world.count(.powerLoss)
        isUp = false
        ledger.hasLostPower = true
        network.vanish()
        for kind in Self.kinds { processes.removeValue(forKey: kind)?.process.end() }
        for process in others where process.isAlive { process.end() }
        others = []
        queueLock.holder = nil
        var random = world.random.split()
        queueDisk.losePower(&random)
        mailDisk.losePower(&random)
        noteCrash()
        world.schedule(after: UInt64(random.within(1...20)) * 1_000_000_000, in: nil) { [self] in start() }
    }

    // MARK: processes

    func start() {
        guard !isUp else { return }
        isUp = true
        world.note("start", "")
        for kind in Self.kinds { start(kind) }
    }

    private var others: [SimulatedProcess] = []

    func makeProcess(_ kind: String) -> SimulatedProcess {
        lastNumber += 1
        let process = SimulatedProcess(world, kind: kind, number: lastNumber)
        if !Self.kinds.contains(kind) { others.append(process) }
        return process
    }

    private func startLater(_ kind: String) {
        world.schedule(after: UInt64(world.random.within(1...1000)) * 1_000_000, in: nil) { [self] in
            if isUp, processes[kind] == nil { start(kind) }
        }
    }

    /// - Parameter ready: called when it serves.
    private func start(_ kind: String, ready: @escaping () -> Void = {}) {
        let process = makeProcess(kind)
        world.note("start", process.name)
        let context = context(process)
        let resolver = SimulatedResolver(world, scene.zone, process) { [unowned self] in chaos.dnsAnswer($0) }
        let box = Unchecked((self, ready))
        let robot = Unchecked<CommandStart>({ [unowned self] in
            Robot(machine: self, process: process, command: $0).run()
        })
        world.perform(in: process, loop: false) {
            Task {
                do {
                    let daemon: any DaemonProcess =
                        switch kind {
                        case "queue": try await QueueProcess(context: context)
                        case "receive": try await ReceiveProcess(context: context, resolver: resolver)
                        case "send": try await SendProcess(context: context, resolver: resolver)
                        default: try await DeliverProcess(context: context, runCommand: robot.value)
                        }
                    box.value.0.made(daemon, process)
                    try await daemon.start()
                    box.value.1()
                } catch {
                    box.value.0.failed(process, error)
                }
            }
        }
        processes[kind]?.process.end()
        processes[kind] = nil
        starting[kind] = process
    }

    private var starting: [String: SimulatedProcess] = [:]

    private func made(_ daemon: any DaemonProcess, _ process: SimulatedProcess) {
        guard process.isAlive, starting[process.kind] === process else { return }
        processes[process.kind] = (process, daemon)
    }

    private func failed(_ process: SimulatedProcess, _ error: any Error) {
        world.note("start", "\(process.name) failed: \(error)")
        guard process.isAlive else { return }
        processes[process.kind] = nil
        process.end()
        startLater(process.kind)
    }

    /// `postfix reload`, for one process: its successor starts, then the old one drains and ends.
    func reload(_ kind: String) {
        guard isUp, let (process, daemon) = processes.removeValue(forKey: kind) else { return }
        world.note("reload", process.name)
        world.count(.reload)
        others.append(process)
        start(kind) { [self] in
            world.perform(in: process, loop: false) {
                guard process.isAlive else { return }
                Task {
                    await daemon.drain()
                    process.end()
                }
            }
        }
    }

    private func context(_ process: SimulatedProcess) -> ProcessContext {
        let store = SimulatedStore(disk: queueDisk, process: process)
        let lock = queueLock
        let machine = Machine(
            store: store,
            mailboxes: SimulatedMailboxes(
                store: SimulatedStore(disk: mailDisk, process: process), words: words), users: SimulatedUsers(),
            sockets: SimulatedSockets(network: network, process: process), makePool: { _ in process.makePool() },
            openQueueLock: { () throws(SystemError) in SimulatedLockHandle(lock, process) },
            processID: Int32(100 + lastNumber))
        return ProcessContext(
            parameters: configuration.parameters, masterConfiguration: configuration.master,
            services: configuration.services(process.kind),
            queueListener: process.kind == "queue" ? configuration.queueListener : nil, group: process.loop,
            pool: process.makePool(), logSink: ProcessLog(log: log.value, process: process),
            clock: WorldClock(world: world), machine: machine, queueDirectory: "/queue")
    }

    /// What lies in the mailboxes goes into the ledger.
    func collectMailboxes() {
        ledger.toleratesLossWithoutSender = chaos.givesUp
        ledger.repeatsForwards = chaos.hasFailedBounceLog
        ledger.hasWatcher = !chaos.watcherIsRefused
        for (path, inode) in mailDisk.files {
            let parts = path.split(separator: "/")
            guard parts.count > 1, parts[0] == "mail", parts[1] != "home", !path.hasSuffix(".lock") else { continue }
            let text = String(decoding: inode.bytes, as: UTF8.self)
            let isUser = Scene.users.contains { $0.account.name == parts[1] }
            let recipient = "\(parts[1])@\(isUser ? "local" : "virtual").example"
            if parts.count == 2 {
                for message in Mailbox.messages(text) { _ = ledger.deliver(message, to: recipient, isConfirmed: true) }
            } else if parts[2] == "new" {
                _ = ledger.deliver(text, to: recipient, isConfirmed: true)
            }
        }
    }

    // MARK: the outside

    private func outside(_ address: String) -> SimulatedNetwork.RemoteAnswer {
        guard Scene.hosts.contains(address) else { return .silent }
        if let code = chaos.connectAnswer() { return code == 0 ? .silent : .refuses(code) }
        return .accepts { [unowned self] connection in RemoteServer(self, address, connection) }
    }

    /// What master and postdrop do to wake a service: one byte to its endpoint.
    func wakeUp(_ address: String, _ bytes: String = "W") {
        let waker = Waker()
        guard let connection = network.connect(waker, to: address, from: nil, reliably: true) else { return }
        connection.send(Array(bytes.utf8), from: waker)
        connection.end(from: waker)
    }
}

/// Says its byte and hears nothing.
private final class Waker: ConnectionEnd {
    var process: SimulatedProcess? { nil }
    func received(_ bytes: [UInt8]) -> Bool { true }
    func receivedEnd() {}
    func wasReset() {}
}
