import Glibc

/// Threads for calls that block: files, name services, waiting for processes. Threads are made when work finds none
/// idle, up to a limit, and end after some idle time, so a quiet process has none.
public final class BlockingPool: @unchecked Sendable {
    // Unchecked: everything mutable is guarded by `mutex`.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let maximumThreads: Int
    private let idleSeconds: Int
    private var work: [@Sendable () -> Void] = []
    private var next = 0
    private var threads = 0
    private var idle = 0
    /// Takes all work, in place of threads.
    private let runner: (@Sendable (@escaping @Sendable () -> Void) -> Void)?

    /// - Parameters:
    ///   - maximumThreads: work beyond that many waits its turn.
    ///   - idleSeconds: how long a thread without work stays.
    public convenience init(maximumThreads: Int = 64, idleSeconds: Int = 20) {
        self.init(maximumThreads: maximumThreads, idleSeconds: idleSeconds, runner: nil)
    }

    /// A pool without threads: `runner` runs what it is given, when it likes.
    public convenience init(runner: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        self.init(maximumThreads: 1, idleSeconds: 1, runner: runner)
    }

    private init(
        maximumThreads: Int, idleSeconds: Int, runner: (@Sendable (@escaping @Sendable () -> Void) -> Void)?
    ) {
        self.runner = runner
        self.maximumThreads = max(1, maximumThreads)
        self.idleSeconds = max(1, idleSeconds)
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    /// Runs `body` on a thread of the pool.
    public func run<T: Sendable, E: Error>(
        _ body: @escaping @Sendable () throws(E) -> T
    ) async throws(E) -> T {
        let result: Result<T, E> = await withCheckedContinuation { continuation in
            submit {
                do throws(E) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Queues `job` without waiting for it.
    public func submit(_ job: @escaping @Sendable () -> Void) {
        if let runner { return runner(job) }
        pthread_mutex_lock(mutex)
        work.append(job)
        let wakes = idle >= work.count - next
        if !wakes, threads < maximumThreads { startThread() }
        pthread_mutex_unlock(mutex)
        // After the lock is free: the thread that wakes needs it at once.
        if wakes { pthread_cond_signal(condition) }
    }

    /// Called with the lock held.
    private func startThread() {
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 512 * 1024)
        let box = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<BlockingPool>.fromOpaque(argument).takeRetainedValue().loop() }
                return nil
            }, box.toOpaque())
        pthread_attr_destroy(&attributes)
        if status == 0 {
            threads += 1
        } else {
            box.release()
        }
    }

    private func loop() {
        pthread_mutex_lock(mutex)
        while let job = takeJob() {
            pthread_mutex_unlock(mutex)
            job()
            pthread_mutex_lock(mutex)
        }
        threads -= 1
        pthread_mutex_unlock(mutex)
    }

    /// Called with the lock held; nil after the idle time.
    private func takeJob() -> (@Sendable () -> Void)? {
        if next == work.count {
            var until = timespec()
            clock_gettime(CLOCK_REALTIME, &until)
            until.tv_sec += idleSeconds
            idle += 1
            defer { idle -= 1 }
            while next == work.count {
                if pthread_cond_timedwait(condition, mutex, &until) == ETIMEDOUT, next == work.count { return nil }
            }
        }
        let job = work[next]
        next += 1
        if next == work.count {
            work.removeAll(keepingCapacity: work.count < 1024)
            next = 0
        } else if next > 1024, next * 2 > work.count {
            work.removeFirst(next)
            next = 0
        }
        return job
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }
}
