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
}

/// One result handed from a task to a waiting thread.
final class ResultBox<T: Sendable>: Sendable {
    private let value = Mutex<Result<T, any Error>?>(nil)

    func set(_ result: Result<T, any Error>) { value.withLock { $0 = result } }

    func get() -> Result<T, any Error>? { value.withLock { $0 } }
}
