import Runtime

/// Where blocking calls run.
protocol BlockingWork: Sendable {
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T

    /// The same for a few short operations that seldom wait for the disk.
    func runPromptly<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T
}

extension BlockingWork {
    /// More messages than this at once are left to the pool.
    private static var promptLimit: Int { 16 }

    func runPromptly<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await run(body)
    }

    /// `body` touches `count` messages with a few short operations each.
    func run<T: Sendable>(messages count: Int, _ body: @escaping @Sendable () throws -> T) async throws -> T {
        count <= Self.promptLimit ? try await runPromptly(body) : try await run(body)
    }
}

/// The process' pool of threads.
struct PoolWork: BlockingWork {
    let pool: BlockingPool

    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await pool.run(body)
    }

    func runPromptly<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await pool.runPromptly(body)
    }
}
