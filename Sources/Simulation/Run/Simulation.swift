import CSimulation

/// What keeps a run from being one.
enum SimulationError: Error {
    /// OpenSSL takes its random numbers from nobody else.
    case randomness
}

/// One run: a machine takes mail while things go wrong, then recovers; the ledger says whether promises were kept.
public struct Simulation {
    /// How a run differs from what its seed says.
    public struct Options: Sendable {
        /// Nothing goes wrong.
        public var isCalm = false
        /// The disk answers fsync(2) without doing it: the run must find that mail gets lost.
        public var forgetsToSynchronize = false
        /// Called with each line of the trace.
        public var print: (@Sendable (String) -> Void)?

        public init() {}
    }

    public struct Report: Sendable {
        public var seed: UInt64
        /// Of everything that happened: equal for the same seed and the same program.
        public var traceHash: UInt64
        public var steps: Int
        public var simulatedSeconds: Double
        public var messages: Int
        public var deliveries: Int
        /// What went wrong on purpose, and how often.
        public var troubles: [Trouble: Int]
        /// Broken promises; empty when all is well.
        public var violations: [String]
        public var summary: String
        /// The end of the log.
        public var log: [String]

        public var passed: Bool { violations.isEmpty }
    }

    private static let configurations = Result { try Scene.settings.map { try SimulatedConfiguration($0) } }

    /// Runs on the calling thread, which must not run tasks of its own.
    public static func run(seed: UInt64, options: Options = Options()) throws -> Report {
        _ = SimulatedTable.register
        let configurations = try configurations.get()
        // OpenSSL's, which the simulated processes and their peers share.
        guard simulation_seed_randomness(seed) == 1 else { throw SimulationError.randomness }
        let world = World(seed: seed)
        if let print = options.print {
            world.trace.print = { time, line in print("\(time - 1000): \(line)") }
        }
        var random = world.random.split()
        let chaos = Chaos(random.split(), calm: options.isCalm) { [unowned world] in world.count($0) }
        if chaos.isSlow {
            world.slowness = 3_000_000
            world.count(.slowDisk)
        }
        let machine = SimulatedMachine(
            world, chaos: chaos, configuration: configurations[chaos.setting],
            order: random.oneIn(3) ? .promised : .journal)
        machine.queueDisk.forgetsToSynchronize = options.forgetsToSynchronize
        world.machine = machine
        let run = Run(machine, random)
        world.enter { run.perform() }
        // Its tasks never end: to free what they wait for would be an error.
        Graveyard.bury { _ = (world, machine) }
        return Report(
            seed: seed, traceHash: world.trace.hash, steps: world.steps,
            simulatedSeconds: Double(world.now) / 1e9 - 1000, messages: machine.ledger.submissions.count,
            deliveries: machine.ledger.deliveries.count, troubles: world.troubles,
            violations: machine.ledger.violations,
            summary: "\(machine.queueDisk.order), \(chaos.summary)", log: machine.log.value.lines)
    }
}
