import Glibc
import Synchronization
import Testing

@testable import Runtime

@Suite struct BlockingPoolTests {
    /// A short operation stays on its caller's thread while the disk answers at once.
    @Test func aPromptOperationStaysWhereItsCallerRuns() async {
        let pool = BlockingPool(maximumThreads: 2)
        let caller = Thread.current
        let (ran, elsewhere) = (await pool.runPromptly { Thread.current }, await pool.run { Thread.current })
        #expect(ran == caller)
        #expect(elsewhere != caller)
    }

    /// Once operations have waited long for the disk, none runs on its caller's thread for a while.
    @Test func anOperationThatWaitsLongSendsTheNextOnesToThePool() async {
        let pool = BlockingPool(maximumThreads: 2)
        await pool.runPromptly { _ = usleep(100_000) }
        let caller = Thread.current
        let ran = await pool.runPromptly { Thread.current }
        #expect(ran != caller)
    }

    /// Only waiting counts: an operation that keeps the processor has not waited for the disk.
    @Test func aLongComputationIsNoWait() {
        let promptness = DiskPromptness()
        promptness.observe { Self.compute(milliseconds: 100) }
        #expect(promptness.isPrompt)
        promptness.observe { _ = usleep(100_000) }
        #expect(!promptness.isPrompt)
    }

    /// Short waits are a slow disk only when there are many of them.
    @Test func aFewShortWaitsAreForgiven() {
        let promptness = DiskPromptness()
        promptness.note(3_000_000)
        #expect(promptness.isPrompt)
        for _ in 0..<40 { promptness.note(3_000_000) }
        #expect(!promptness.isPrompt)
    }

    /// What fails has waited as well.
    @Test func aFailureThatTookLongCounts() {
        struct Failure: Error {}
        let promptness = DiskPromptness()
        #expect(throws: Failure.self) {
            try promptness.observe {
                usleep(100_000)
                throw Failure()
            }
        }
        #expect(!promptness.isPrompt)
    }

    /// The simulation's pool takes all work, so that a seed decides its order.
    @Test func aPoolWithARunnerGetsPromptOperationsToo() async {
        let taken = Mutex(0)
        let pool = BlockingPool { job in
            taken.withLock { $0 += 1 }
            job()
        }
        await pool.runPromptly {}
        #expect(taken.withLock { $0 } == 1)
    }

    private static func compute(milliseconds: Int) {
        let end = clock() + milliseconds * Int(CLOCKS_PER_SEC) / 1_000
        while clock() < end {}
    }
}

/// A thread's identity.
private enum Thread {
    static var current: UInt { UInt(bitPattern: Int(pthread_self())) }
}
