import Deliver
import MailSystem
import Spool

/// The program of pipe(8), aliases and .forward files: takes a message, and sometimes comes to grief.
struct Robot {
    let machine: SimulatedMachine
    let process: SimulatedProcess
    let command: CommandRunner

    private var world: World { machine.world }

    func run() -> CommandEnd {
        guard process.isAlive else { return CommandEnd(how: .killed(signal: 9)) }
        world.pauseInCall += UInt64(world.random.within(1...500)) * 1_000_000
        let trouble = machine.chaos.programTrouble(permanent: Scene.canBeTold(sender))
        if case .notStarted? = trouble?.end { return CommandEnd(how: .notStarted(step: "fork", reason: "simulated")) }
        let input: [UInt8]
        do {
            input = try command.input()
        } catch {
            return CommandEnd.unreadable(error)
        }
        guard process.isAlive else { return CommandEnd(how: .killed(signal: 9)) }
        var numbers: [Int] = []
        if trouble?.comesLate ?? true {
            let text = String(decoding: input, as: UTF8.self)
            numbers = recipients.map { machine.ledger.deliver(text, to: $0) }
            world.note("robot", "\(recipients)")
        }
        guard let trouble else {
            for number in numbers { machine.ledger.confirm(number) }
            return CommandEnd(how: .exited(0), output: Array("thank you".utf8))
        }
        world.note("robot", "\(trouble)")
        switch trouble.end {
        case .timedOut: world.pauseInCall += UInt64(max(0, command.seconds)) * 1_000_000_000
        default: break
        }
        return CommandEnd(how: trouble.end, output: Array(trouble.output.utf8))
    }

    /// What local(8) puts into the environment, or pipe(8) into the arguments.
    private func variable(_ name: String) -> String? {
        command.spawn.environment.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
    }

    private var isPipe: Bool { command.spawn.arguments.count > 2 }

    private var sender: String {
        guard isPipe else { return variable("SENDER") ?? "" }
        let sender = command.spawn.arguments[1]
        return sender == "<>" ? "" : sender
    }

    private var recipients: [String] {
        isPipe ? Array(command.spawn.arguments.dropFirst(2)) : variable("RECIPIENT").map { [$0] } ?? []
    }
}

/// How a program fails.
struct ProgramTrouble {
    var end: CommandEnd.How
    var output = ""
    /// It has dealt with the message before.
    var comesLate: Bool
}
