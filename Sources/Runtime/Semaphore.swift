import Glibc
import Synchronization

/// A counting semaphore between threads, sem_init(3).
public final class Semaphore: @unchecked Sendable {
    // Unchecked: the C semaphore is made for concurrent use.
    private let native: UnsafeMutablePointer<sem_t>

    public init() {
        native = .allocate(capacity: 1)
        sem_init(native, 0, 0)
    }

    deinit {
        sem_destroy(native)
        native.deallocate()
    }

    public func signal() { sem_post(native) }

    public func wait() {
        while sem_wait(native) != 0, errno == EINTR {}
    }

    /// False when nobody signalled in that time.
    public func wait(seconds: Int) -> Bool {
        // The common case, without a look at the clock.
        if sem_trywait(native) == 0 { return true }
        var until = timespec()
        clock_gettime(CLOCK_REALTIME, &until)
        until.tv_sec += seconds
        while sem_timedwait(native, &until) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}

/// One result handed from a task to a waiting thread.
final class ResultBox<T: Sendable>: Sendable {
    private let value = Mutex<Result<T, any Error>?>(nil)

    func set(_ result: Result<T, any Error>) { value.withLock { $0 = result } }

    func get() -> Result<T, any Error>? { value.withLock { $0 } }
}
