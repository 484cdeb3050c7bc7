import Glibc

/// fcntl(2) locks belong to the process: deliveries of one process to one mailbox take turns here.
final class InProcessLocks: @unchecked Sendable {
    // Unchecked: `held` is guarded by `mutex`.
    static let shared = InProcessLocks()

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var held: Set<String> = []

    private init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    func withLock<R>(_ path: String, _ body: () throws -> R) rethrows -> R {
        pthread_mutex_lock(mutex)
        while held.contains(path) { pthread_cond_wait(condition, mutex) }
        held.insert(path)
        pthread_mutex_unlock(mutex)
        defer {
            pthread_mutex_lock(mutex)
            held.remove(path)
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body()
    }
}
