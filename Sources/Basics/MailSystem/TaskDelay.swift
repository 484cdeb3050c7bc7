import CMailSystem

/// Waiting in a task. `Task.sleep` of the standard library goes to libdispatch by itself, past the hooks that keep tasks
/// on threads of our own (`TaskThreads`), and libdispatch stops a process in a chroot.
public enum TaskDelay {
    private typealias Waiter = CheckedContinuation<Void, Never>

    /// Returns after the time, also when the task was cancelled.
    public static func nanoseconds(_ nanoseconds: UInt64) async {
        await withCheckedContinuation { (waiter: Waiter) in
            let context = Unmanaged.passRetained(Box(waiter))
            let failure = apus_call_after(
                nanoseconds,
                { context in
                    guard let context else { return }
                    Unmanaged<Box>.fromOpaque(context).takeRetainedValue().waiter.resume()
                }, context.toOpaque())
            if failure != 0 {
                context.release()
                // No thread to be had: the caller looks again at once.
                waiter.resume()
            }
        }
    }

    public static func seconds(_ seconds: Int) async {
        // At most ten years.
        await nanoseconds(UInt64(min(max(seconds, 0), 315_360_000)) * 1_000_000_000)
    }

    private final class Box {
        let waiter: Waiter
        init(_ waiter: Waiter) { self.waiter = waiter }
    }
}
