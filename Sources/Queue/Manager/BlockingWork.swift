import Runtime

/// Where blocking calls run.
protocol BlockingWork: Sendable {
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T
}

/// The process' pool of threads.
struct PoolWork: BlockingWork {
    let pool: BlockingPool

    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await pool.run(body)
    }
}
