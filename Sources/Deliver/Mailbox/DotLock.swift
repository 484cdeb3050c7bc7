import Glibc
import MailSystem

/// `mailbox.lock` beside a mailbox.
struct DotLock {
    private let path: String
    private let files: any MailboxFiles

    /// Nil when dot locks are not asked for.
    static func take(_ job: MailboxJob, _ files: any MailboxFiles) throws(MailboxError) -> DotLock? {
        guard job.locks.contains(.dotlock), !job.path.hasPrefix("/dev/") else { return nil }
        let path = "\(job.path).lock"
        var code: CInt = 0
        for attempt in 0..<max(1, job.lockAttempts) {
            if attempt > 0 { files.pause(seconds: job.lockDelay) }
            do throws(SystemError) {
                try files.create(path, permissions: 0).close()
                return DotLock(path: path, files: files)
            } catch {
                code = error.errno
            }
            guard code == EEXIST else { break }
            removeStale(path, job.staleLockTime, files)
        }
        throw MailboxError("unable to create lock file \(path)", code)
    }

    private static func removeStale(_ path: String, _ seconds: Int, _ files: any MailboxFiles) {
        guard let status = files.linkStatus(path) else { return }
        if files.now().since(status.modified) > Double(seconds) { try? files.remove(path) }
    }

    func release() { try? files.remove(path) }
}
