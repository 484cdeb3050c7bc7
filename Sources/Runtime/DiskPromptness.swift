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
    /// Waits may take a twentieth of a loop's time: each counts this many times its length, and is forgotten as time passes.
    /// A journal that writes makes a rename wait now and then, and one wait must not send a second's work to the pool.
    private static let weight: UInt64 = 20
    /// Waits that count for more than that are a slow disk: 50 ms at once.
    private static let patienceForAll: UInt64 = 1_000_000_000
    /// A slow disk is forgiven when this long has passed without waits, however long they were.
    private static let mostRemembered: UInt64 = 2 * patienceForAll

    /// Monotonic nanoseconds: when all waits will have been forgotten.
    private let forgottenAt = Atomic<UInt64>(0)

    var isPrompt: Bool { forgottenAt.load(ordering: .relaxed) <= Self.now() + Self.patienceForAll }

    /// Runs `body` here and notes whether it had to wait.
    func observe<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
        let started = Self.now()
        let sleeps = Self.sleeps()
        defer {
            let ended = Self.now()
            if ended &- started > Self.patience, Self.sleeps() != sleeps { note(ended &- started, at: ended) }
        }
        return try body()
    }

    /// Counts a wait of so many nanoseconds.
    func note(_ wait: UInt64, at now: UInt64 = DiskPromptness.now()) {
        let counted = min(wait, Self.mostRemembered) * Self.weight
        var known = forgottenAt.load(ordering: .relaxed)
        while true {
            let (exchanged, original) = forgottenAt.weakCompareExchange(
                expected: known, desired: min(max(known, now) + counted, now + Self.mostRemembered), ordering: .relaxed)
            if exchanged { return }
            known = original
        }
    }

    static func now() -> UInt64 { SystemClock().monotonicNanoseconds() }

    /// RUSAGE_THREAD, which headers hide from programs without _GNU_SOURCE.
    private static let thread: CInt = 1

    private static func sleeps() -> Int {
        var usage = rusage()
        getrusage(thread, &usage)
        return usage.ru_nvcsw
    }
}
