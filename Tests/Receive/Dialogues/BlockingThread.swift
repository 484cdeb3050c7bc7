import Runtime

enum BlockingThread {
    private static let pool = BlockingPool(maximumThreads: 16)
    static func run(_ body: @escaping @Sendable () -> Void) { pool.submit(body) }
}
