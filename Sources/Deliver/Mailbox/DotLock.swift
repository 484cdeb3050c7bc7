import Glibc
import MailSystem

/// `mailbox.lock` beside a mailbox.
struct DotLock {
    private let path: String

    /// Nil when dot locks are not asked for.
    static func take(_ job: MailboxJob) throws(MailboxError) -> DotLock? {
        guard job.locks.contains(.dotlock), !job.path.hasPrefix("/dev/") else { return nil }
        let path = "\(job.path).lock"
        var code: CInt = 0
        for attempt in 0..<max(1, job.lockAttempts) {
            if attempt > 0 { sleep(UInt32(clamping: job.lockDelay)) }
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0)
            if descriptor >= 0 {
                close(descriptor)
                return DotLock(path: path)
            }
            code = errno
            guard code == EEXIST else { break }
            removeStale(path, job.staleLockTime)
        }
        throw MailboxError("unable to create lock file \(path)", code)
    }

    private static func removeStale(_ path: String, _ seconds: Int) {
        guard let status = Files.linkStatus(path) else { return }
        if SystemClock().now().since(status.modified) > Double(seconds) { unlink(path) }
    }

    func release() { unlink(path) }
}
