import Glibc
import MailSystem

/// The master, of Apus or of Postfix, that runs on a queue: it holds the lock of `pid/master.pid`.
package enum RunningMaster {
    /// Its process id, or nil.
    package static func pid(queueDirectory: String) -> pid_t? {
        let path = "\(queueDirectory)/pid/master.pid"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return nil }
        guard let text = try? Files.readText(path, limit: 256) else { return nil }
        return pid_t(text.filter { $0.isASCII && $0.isNumber })
    }

    /// What `postfix status` says.
    ///
    /// - Returns: whether it runs.
    package static func status(queueDirectory: String, log: MailLog) -> Bool {
        guard let pid = pid(queueDirectory: queueDirectory) else {
            log.info("the Postfix mail system is not running")
            return false
        }
        log.info("the Postfix mail system is running: PID: \(pid)")
        return true
    }
}
