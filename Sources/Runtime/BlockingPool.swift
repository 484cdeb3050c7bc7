import DequeModule
import Glibc
import Synchronization

/// Threads for calls that block: files, name services, waiting for processes. Threads are made when work finds none
/// idle, up to a limit, and end after some idle time, so a quiet process has none.
public final class BlockingPool: Sendable {
    private struct State {
        var work: Deque<@Sendable () -> Void> = []
        var threads = 0
        /// Threads that wait, or are about to. Each job is one signal, and each signal wakes one of them.
        var idle = 0
    }

    private let state = Mutex(State())
    private let jobs = Semaphore()
    private let maximumThreads: Int
    private let idleSeconds: Int
    private let promptness = DiskPromptness()
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

    /// Runs `body` where its caller runs as long as the disk answers at once, else on a thread of the pool. For a few system
    /// calls on names and on data that the page cache is likely to hold, none of which waits for the disk by its nature.
    public func runPromptly<T: Sendable, E: Error>(
        _ body: @escaping @Sendable () throws(E) -> T
    ) async throws(E) -> T {
        if runner == nil, promptness.isPrompt { return try promptness.observe(body) }
        return try await run { [promptness] () throws(E) in try promptness.observe(body) }
    }

    /// Queues `job` without waiting for it.
    public func submit(_ job: @escaping @Sendable () -> Void) {
        if let runner { return runner(job) }
        let startsThread = state.withLock { state in
            state.work.append(job)
            guard state.work.count > state.idle, state.threads < maximumThreads else { return false }
            state.threads += 1
            state.idle += 1
            return true
        }
        if startsThread { startThread() }
        jobs.signal()
    }

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
        guard status != 0 else { return }
        // The threads that there are do the work.
        box.release()
        state.withLock { state in
            state.threads -= 1
            state.idle -= 1
        }
    }

    private enum Next {
        case job(@Sendable () -> Void)
        case again, end
    }

    private func loop() {
        while true {
            switch next(isSignalled: jobs.wait(seconds: idleSeconds)) {
            case .job(let job):
                job()
                state.withLock { $0.idle += 1 }
            case .again: continue
            case .end: return
            }
        }
    }

    private func next(isSignalled: Bool) -> Next {
        state.withLock { state in
            if isSignalled, let job = state.work.popFirst() {
                state.idle -= 1
                return .job(job)
            }
            // The idle time is over; work that came in this moment brings its signal.
            guard state.work.isEmpty else { return .again }
            state.threads -= 1
            state.idle -= 1
            return .end
        }
    }
}
