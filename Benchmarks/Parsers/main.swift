/// `parser-benchmarks`: nanoseconds and allocations of the parsers that each message passes. Ends with status 1 when one
/// allocates more than its threshold: times depend on the machine, allocations on the code alone.

import AllocationCounter
import Glibc

struct Benchmark {
    var name: String
    /// Allocations of one run at most.
    var threshold: Double
    var run: () async throws -> Void
}

struct Figures {
    var nanoseconds: Double
    var allocations: Double
}

func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func measure(_ benchmark: Benchmark, count: Int) async throws -> Figures {
    for _ in 0..<max(1, count / 10) { try await benchmark.run() }
    let (started, before) = (now(), apus_allocations())
    for _ in 0..<count { try await benchmark.run() }
    let (ended, after) = (now(), apus_allocations())
    return Figures(
        nanoseconds: (ended - started) / Double(count), allocations: Double(after - before) / Double(count))
}

func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}

let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 2000
var failures = 0
let all = try await parserBenchmarks() + messageBenchmarks()
for benchmark in all {
    let figures = try await measure(benchmark, count: count)
    let isWithin = figures.allocations <= benchmark.threshold
    if !isWithin { failures += 1 }
    let allocations = (figures.allocations * 100).rounded() / 100
    print(
        padded(benchmark.name, 44) + padded("\(Int(figures.nanoseconds)) ns", 12)
            + padded("\(allocations) allocations", 24) + (isWithin ? "ok" : "FAIL: at most \(benchmark.threshold)"))
}
print("\(all.count - failures) passed, \(failures) failed")
exit(failures == 0 ? 0 : 1)
