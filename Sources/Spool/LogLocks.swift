import MailSystem
import Synchronization

/// Lets the threads of this process take turns at a log: flock(2) only tells that another descriptor has the lock.
/// A fixed number of locks, shared by hash.
final class LogLocks: Sendable {
    static let shared = LogLocks()

    private final class Stripe: Sendable {
        let mutex = Mutex(())
    }

    private let stripes = (0..<64).map { _ in Stripe() }

    func withLock(_ path: String, _ body: () throws(SystemError) -> Void) throws(SystemError) {
        let index = Int(UInt(bitPattern: path.hashValue) % UInt(stripes.count))
        try stripes[index].mutex.withLock { (_) throws(SystemError) in try body() }
    }
}
