import MailSystem
import Runtime
import Synchronization

/// Free bytes of the queue's file system, asked at most once a second.
final class FreeSpace: Sendable {
    private struct State {
        var bytes: Int?
        var asked: UInt64 = 0
    }

    private let pool: BlockingPool
    private let store: any FileStore
    private let clock: any MailClock
    private let state = Mutex(State())

    init(store: any FileStore, pool: BlockingPool, clock: any MailClock) {
        self.store = store
        self.pool = pool
        self.clock = clock
    }

    func bytes() async -> Int? {
        let now = clock.monotonicNanoseconds()
        let isFresh = state.withLock { state in
            if state.asked != 0, now &- state.asked < 1_000_000_000 { return true }
            state.asked = now
            return false
        }
        if isFresh { return state.withLock { $0.bytes } }
        let store = store
        let free = await pool.run { try? store.freeBytes(".") }
        state.withLock { $0.bytes = free }
        return free
    }
}
