import Glibc
import MailSystem
import Simulation

/// Runs seeds in this process.
enum SeedRunner {
    private static func say(_ text: String) throws {
        try Descriptors.writeAll(Array("\(text)\n".utf8), to: STDOUT_FILENO)
    }

    /// For the supervising process: `begin SEED`, then `end SEED HASH`, or `failed SEED`, the reasons and `end`.
    static func run(_ first: UInt64, _ count: UInt64, _ order: SimulationOrder) throws -> Int32 {
        for seed in first..<first + count {
            try say("begin \(seed)")
            let report = try Simulation.run(seed: seed, options: order.options)
            var text = ""
            for violation in report.violations { text += "broken \(violation)\n" }
            if !report.passed { text += "chaos \(report.summary)\n" }
            for trouble in Trouble.allCases {
                if let count = report.troubles[trouble] { text += "trouble \(trouble) \(count)\n" }
            }
            let hash = String(report.traceHash, radix: 16)
            try say("\(text)end \(seed) \(hash) \(report.messages) \(report.deliveries)")
        }
        return 0
    }

    /// One seed, line by line.
    static func trace(_ seed: UInt64, _ order: SimulationOrder) throws -> Int32 {
        var options = order.options
        options.print = { line in do { try say(line) } catch { exit(74) } }
        let report = try Simulation.run(seed: seed, options: options)
        try say("seed \(seed), trace hash \(String(report.traceHash, radix: 16)), \(report.steps) steps")
        try say(report.summary)
        let troubles = Trouble.allCases.compactMap { kind in report.troubles[kind].map { "\(kind) \($0)" } }
        try say("troubles: \(troubles.joined(separator: ", "))")
        for violation in report.violations { try say("broken: \(violation)") }
        return report.passed ? 0 : 1
    }
}
