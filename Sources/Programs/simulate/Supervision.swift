import Glibc
import MailSystem
import Simulation

/// Gives seeds to worker processes and counts what they say.
final class Supervision {
    /// Seeds for one worker process: what a run leaves in memory goes with it.
    private static let batch: UInt64 = 200
    /// One seed takes milliseconds: a worker that says nothing for so long goes round in circles.
    private static let secondsOfSilence = 120.0
    /// In so many runs, everything that can go wrong has to.
    private static let enoughForAll = 25_000

    private final class Worker {
        let pid: pid_t
        let output: CInt
        var text: [UInt8] = []
        var running: UInt64?
        var reasons: [String] = []
        /// Seconds since the start of the program.
        var lastHeard: Double

        init(pid: pid_t, output: CInt, now: Double) {
            self.pid = pid
            self.output = output
            lastHeard = now
        }
    }

    private let order: SimulationOrder
    private let end: UInt64
    private var next: UInt64
    private var workers: [Worker] = []
    private var passed = 0
    private var failures: [UInt64] = []
    private var failed: Int { failures.count }
    /// A worker ended before its seeds did: not all that were asked for have run.
    private var isIncomplete = false
    /// What went wrong on purpose in all runs, and in how many.
    private var troubles: [String: (times: Int, runs: Int)] = [:]
    private var messages = 0
    private var deliveries = 0
    private let started = SystemClock().monotonicNanoseconds()
    private var lastProgress: UInt64 = 0

    init(_ order: SimulationOrder) {
        self.order = order
        next = order.first
        end = order.first + order.count
    }

    private var elapsed: Double { Double(SystemClock().monotonicNanoseconds() - started) / 1e9 }

    private func say(_ text: String) throws { try Descriptors.writeAll(Array("\(text)\n".utf8), to: STDOUT_FILENO) }

    /// - Returns: the exit status: 0 when seeds ran, and none failed.
    func run() throws -> Int32 {
        try fill()
        while !workers.isEmpty {
            var entries = workers.map { pollfd(fd: $0.output, events: Int16(POLLIN), revents: 0) }
            if poll(&entries, nfds_t(entries.count), 1000) < 0, errno != EINTR { throw SystemError("poll") }
            for (index, worker) in workers.enumerated().reversed() where entries[index].revents != 0 {
                if try !read(worker) { workers.remove(at: index) }
            }
            for worker in workers where elapsed - worker.lastHeard > Self.secondsOfSilence { kill(worker.pid, SIGKILL) }
            try fill()
            if elapsed - Double(lastProgress) >= 10 {
                lastProgress = UInt64(elapsed)
                try say("\(passed + failed) of \(order.count) seeds, \(failed) failed, \(rate) a second")
            }
        }
        try say("\(messages) messages, \(deliveries) deliveries in \(Int(elapsed)) s, \(rate) seeds a second")
        let isComplete = try sayTroubles()
        if failed > 0 {
            let seeds = failures.sorted().map(String.init).joined(separator: " ")
            try say("failed seeds: \(seeds) (simulate --trace SEED shows one)")
        }
        try say("\(passed) passed, \(failed) failed")
        return failed == 0 && passed > 0 && !isIncomplete && isComplete ? 0 : 1
    }

    /// - Returns: false when something never went wrong, in so many runs that it should have.
    private func sayTroubles() throws -> Bool {
        var isComplete = true
        for trouble in Trouble.allCases {
            let (times, runs) = troubles["\(trouble)"] ?? (0, 0)
            try say(times == 0 ? "never: \(trouble)" : "\(trouble): \(times) times, in \(runs) runs")
            if times == 0, passed >= Self.enoughForAll, !order.options.isCalm { isComplete = false }
        }
        return isComplete
    }

    private var rate: Int { Int(Double(passed + failed) / max(elapsed, 0.001)) }

    private var isTimeUp: Bool { order.seconds.map { elapsed > Double($0) } ?? false }

    private func fill() throws {
        while workers.count < order.jobs, next < end, !isTimeUp {
            let count = min(Self.batch, end - next)
            try start(from: next, count)
            next += count
        }
    }

    private func start(from first: UInt64, _ count: UInt64) throws {
        let program = try SimulationOrder.program()
        let (reading, writing) = try Descriptors.pipe()
        defer { Descriptors.close(writing) }
        var spawn = Spawn(
            executable: program, arguments: [program, "--worker", "\(first)", "\(count)"] + order.flags,
            environment: SimulationOrder.environment, descriptors: [1: writing, 2: 2])
        spawn.group = .inherited
        spawn.parentDeathSignal = SIGTERM
        workers.append(Worker(pid: try spawn.start(), output: reading, now: elapsed))
    }

    /// - Returns: false when the worker has ended.
    private func read(_ worker: Worker) throws -> Bool {
        let bytes = try Descriptors.read(worker.output, count: 65536)
        if bytes.isEmpty {
            Descriptors.close(worker.output)
            let status = ProcessStatus.wait(for: worker.pid)
            guard let seed = worker.running else {
                if status != .exited(0) {
                    isIncomplete = true
                    try say("a worker ended: \(status.map { "\($0)" } ?? "?")")
                }
                return false
            }
            // The rest of its seeds is for another one.
            failures.append(seed)
            try say("seed \(seed) failed: the program ended: \(status.map { "\($0)" } ?? "?")")
            let last = (seed - order.first) / Self.batch * Self.batch + order.first + Self.batch
            if seed + 1 < min(last, end) { try start(from: seed + 1, min(last, end) - seed - 1) }
            return false
        }
        worker.lastHeard = elapsed
        worker.text += bytes
        while let newline = worker.text.firstIndex(of: 0x0A) {
            let line = String(decoding: worker.text[..<newline], as: UTF8.self)
            worker.text.removeFirst(newline + 1)
            try take(line, worker)
        }
        return true
    }

    private func take(_ line: String, _ worker: Worker) throws {
        let words = line.split(separator: " ")
        switch words.first {
        case "trouble" where words.count == 3:
            let before = troubles[String(words[1])] ?? (0, 0)
            troubles[String(words[1])] = (before.times + (Int(words[2]) ?? 0), before.runs + 1)
        case "begin": worker.running = words.dropFirst().first.flatMap { UInt64($0) }
        case "end":
            if worker.reasons.isEmpty {
                passed += 1
            } else {
                let seed = words.dropFirst().first.flatMap { UInt64($0) } ?? 0
                failures.append(seed)
                try say("seed \(seed) failed:")
                for reason in worker.reasons { try say("    \(reason)") }
            }
            worker.reasons = []
            worker.running = nil
            if words.count > 4 {
                messages += Int(words[3]) ?? 0
                deliveries += Int(words[4]) ?? 0
            }
        default: worker.reasons.append(line)
        }
    }
}
