import Glibc
import MailSystem
import Simulation

/// Runs the simulation on many seeds: see `usage`.
let usage = """
    usage: simulate [--first SEED] [--jobs N] [--seconds N] [--calm] [--forgetful] SEEDS
           simulate --trace SEED
    Runs so many seeds, from SEED on (1), N at a time (2), and stops after N seconds when asked to. A seed that breaks a
    promise is printed; --trace shows its run. Then comes what went wrong on purpose, and in how many runs: in 25,000 or
    more, everything must have. --calm: nothing goes wrong. --forgetful: the disk forgets what was
    synchronized, and seeds must fail.
    """

guard let order = SimulationOrder(Array(CommandLine.arguments.dropFirst())) else {
    try Descriptors.writeAll(Array("\(usage)\n".utf8), to: STDERR_FILENO)
    exit(64)
}
// Sets and dictionaries must have the same order in each run: the runtime reads this when it starts.
guard ProcessEnvironment.value("SWIFT_DETERMINISTIC_HASHING") != nil else { exit(try SimulationOrder.startAgain()) }
switch order.work {
case .trace(let seed): exit(try SeedRunner.trace(seed, order))
case .worker(let first, let count): exit(try SeedRunner.run(first, count, order))
case .supervise: exit(try Supervision(order).run())
}
