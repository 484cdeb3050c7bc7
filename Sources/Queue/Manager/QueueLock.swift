import Glibc
import MailSystem

/// The lock that keeps two queue managers off one queue: the one that Postfix's qmgr takes, `pid/unix.qmgr`. Processes
/// of a master that was killed may outlive it for a moment, and its successor's must wait for them.
final class QueueLock: Sendable {
    private let file: POSIXFile

    /// Opens the lock file, with the rights of the process' start.
    /// - Parameter path: relative to the queue directory.
    init(path: String = "pid/unix.qmgr") throws(SystemError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { throw SystemError("open lock file", path: path) }
        file = POSIXFile(descriptor: descriptor, path: path)
    }

    /// Waits until no other process has it. Blocks.
    func take() throws(SystemError) {
        while flock(file.descriptor, LOCK_EX) != 0 {
            if errno != EINTR { throw SystemError("lock", path: file.path) }
        }
    }

    /// The next generation may begin.
    func release() { file.unlock() }
}
