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
}
