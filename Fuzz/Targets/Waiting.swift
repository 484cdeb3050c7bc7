import Dispatch
import Synchronization

/// Runs async code to its end on the thread of the fuzzer.
func wait(_ body: @escaping @Sendable () async -> Void) {
    let done = DispatchSemaphore(value: 0)
    Task {
        await body()
        done.signal()
    }
    done.wait()
}
