import Configuration
import Glibc
import MailSystem

/// The parameters of mailbox delivery that virtual and local share.
struct MailboxSettings: Sendable {
    let locks: [MailboxJob.Lock]
    let sizeLimit: Int
    let lockAttempts: Int
    let lockDelay: Int
    let staleLockTime: Int
    let isOwnershipStrict: Bool
    let hostName: String

    /// - Parameters:
    ///   - lock: name of the parameter with the lock styles.
    ///   - limit: name of the parameter with the size limit.
    init(_ parameters: Parameters, lock: String, limit: String) {
        locks = parameters.list(lock).compactMap(MailboxJob.Lock.init(name:))
        sizeLimit = parameters.int(limit)
        lockAttempts = parameters.int("deliver_lock_attempts")
        lockDelay = parameters.seconds("deliver_lock_delay")
        staleLockTime = parameters.seconds("stale_lock_time")
        isOwnershipStrict = parameters.bool("strict_mailbox_ownership")
        // The system's name, not myhostname: several systems may share a maildir.
        hostName = HostFactsName.system
    }

    func apply(to job: inout MailboxJob) {
        job.locks = locks
        job.sizeLimit = sizeLimit
        job.lockAttempts = lockAttempts
        job.lockDelay = lockDelay
        job.staleLockTime = staleLockTime
        job.isOwnershipStrict = isOwnershipStrict
    }
}

/// The name of this machine.
enum HostFactsName {
    static var system: String {
        (try? Files.readText("/proc/sys/kernel/hostname", limit: 1024))
            .map { $0.split(separator: "\n").first.map(String.init) ?? "localhost" } ?? "localhost"
    }
}

/// The status codes that failed mailbox deliveries get.
enum MailboxFailure {
    /// - Parameter standard: the code for what the recipient's own set-up causes.
    static func verdict(_ text: String, errno code: Int, standard: String) -> Verdict {
        switch CInt(truncatingIfNeeded: code) {
        case EAGAIN, EEXIST, ESTALE: .deferred("4.2.0", text)
        case ENOSPC, EIO, EMFILE, ENFILE, ENOMEM, EROFS: .deferred("4.3.0", text)
        case EDQUOT, EFBIG: .bounced("5.2.2", text)
        default: .failed(standard, text)
        }
    }
}
