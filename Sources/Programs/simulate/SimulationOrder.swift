import Glibc
import MailSystem
import Simulation

/// What the command line asks for.
struct SimulationOrder {
    enum Work {
        case supervise
        case trace(UInt64)
        /// Started by the supervising process: seeds from the first one on.
        case worker(UInt64, UInt64)
    }

    var work = Work.supervise
    var first: UInt64 = 1
    var count: UInt64 = 0
    var jobs = 2
    var seconds: Int?
    var options = Simulation.Options()
    /// Given on to workers.
    var flags: [String] = []

    init?(_ arguments: [String]) {
        var words = arguments[...]
        func number() -> UInt64? { words.popFirst().flatMap(UInt64.init) }
        while let word = words.popFirst() {
            switch word {
            case "--first":
                guard let seed = number() else { return nil }
                first = seed
            case "--jobs":
                guard let value = number(), (1...64).contains(value) else { return nil }
                jobs = Int(value)
            case "--seconds":
                guard let value = number() else { return nil }
                seconds = Int(clamping: value)
            case "--calm":
                options.isCalm = true
                flags.append(word)
            case "--forgetful":
                options.forgetsToSynchronize = true
                flags.append(word)
            case "--trace":
                guard let seed = number() else { return nil }
                work = .trace(seed)
            case "--worker":
                guard let first = number(), let count = number() else { return nil }
                work = .worker(first, count)
            default:
                guard let value = UInt64(word) else { return nil }
                count = value
            }
        }
        if case .supervise = work, count == 0 { return nil }
    }

    static func program() throws -> String {
        guard let path = Files.ownExecutable else { throw SystemError("find", path: "/proc/self/exe", errno: ENOENT) }
        return path
    }

    static let environment =
        ProcessEnvironment.all.filter { !$0.hasPrefix("SWIFT_DETERMINISTIC_HASHING=") }
        + ["SWIFT_DETERMINISTIC_HASHING=1"]

    /// The same program with the same arguments and its environment.
    static func startAgain() throws -> Int32 {
        let program = try program()
        var spawn = Spawn(
            executable: program, arguments: [program] + CommandLine.arguments.dropFirst(), environment: environment,
            descriptors: [1: 1, 2: 2])
        spawn.group = .inherited
        spawn.parentDeathSignal = SIGTERM
        guard case .exited(let code)? = ProcessStatus.wait(for: try spawn.start()) else { return 70 }
        return Int32(clamping: code)
    }
}
