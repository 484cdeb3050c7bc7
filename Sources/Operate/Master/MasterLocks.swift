import Glibc
import MailSystem

/// The two locks that keep a second master, of Apus or of Postfix, off a queue: `pid/master.pid` in the queue
/// directory and `master.lock` in the data directory. They last as long as the process.
struct MasterLocks {
    let queueLock: CInt
    let dataLock: CInt

    /// Takes both and writes the process id, as Postfix does: right-justified, with a newline.
    static func take(queueDirectory: String, dataDirectory: String, owner: UserAccount) throws(SystemError)
        -> MasterLocks
    {
        let queue = try lock("\(queueDirectory)/pid/master.pid")
        do throws(SystemError) {
            let data = try lock("\(dataDirectory)/master.lock")
            if Privileges.isRoot { fchown(data, owner.uid, owner.gid) }
            return MasterLocks(queueLock: queue, dataLock: data)
        } catch {
            Descriptors.close(queue)
            throw error
        }
    }

    /// Tells whoever asked for a reload that it is over: the time of `pid/master.pid` moves on.
    func noteReload() { _ = futimens(queueLock, nil) }

    private static func lock(_ path: String) throws(SystemError) -> CInt {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { throw SystemError("open lock file", path: path) }
        do throws(SystemError) {
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
                throw SystemError("open lock file", path: path, errno: errno)
            }
            if ftruncate(descriptor, 0) != 0 { throw SystemError("truncate", path: path) }
            let number = String(getpid())
            let line = String(repeating: " ", count: max(0, 32 - number.utf8.count)) + number + "\n"
            try Descriptors.writeAll(Array(line.utf8), to: descriptor, path: path)
        } catch {
            Descriptors.close(descriptor)
            throw error
        }
        return descriptor
    }
}
