import Glibc
import MailSystem
import Synchronization

/// Whether the disk answers short operations at once: the page cache and the directory cache hold what they touch, and no
/// journal makes them wait.
///
/// A change of threads costs more than such an operation, so it may run on an event loop; but a loop must not wait for a
/// disk. What counts as waiting is that the thread gave up the processor of its own accord (getrusage(2), `ru_nvcsw`): a
/// long time alone may be other people's work.
final class DiskPromptness: Sendable {
    /// Sleeping less than that is no worse than a change of threads.
    private static let patience: UInt64 = 1_000_000
    /// How long nothing runs on a loop after the disk has been waited for.
    private static let caution: UInt64 = 1_000_000_000

    /// Monotonic nanoseconds; until then operations may sleep.
    private let slowUntil = Atomic<UInt64>(0)

    var isPrompt: Bool { Self.now() >= slowUntil.load(ordering: .relaxed) }

    /// Runs `body` here and notes whether it had to wait.
    func observe<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
        let started = Self.now()
        let sleeps = Self.sleeps()
        defer {
            let ended = Self.now()
            if ended &- started > Self.patience, Self.sleeps() != sleeps {
                slowUntil.store(ended &+ Self.caution, ordering: .relaxed)
            }
        }
        return try body()
    }

    private static func now() -> UInt64 { SystemClock().monotonicNanoseconds() }

    /// RUSAGE_THREAD, which headers hide from programs without _GNU_SOURCE.
    private static let thread: CInt = 1

    private static func sleeps() -> Int {
        var usage = rusage()
        getrusage(thread, &usage)
        return usage.ru_nvcsw
    }
}
