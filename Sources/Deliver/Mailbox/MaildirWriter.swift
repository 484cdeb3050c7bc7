import Glibc
import MailSystem
import Spool
import Synchronization

/// Delivers into a maildir: written and synchronised in `tmp`, then renamed into `new`.
struct MaildirWriter {
    let job: MailboxJob

    private static let counter = Atomic<UInt64>(0)

    func deliver(_ content: ContentReader) throws {
        let base = job.path.hasSuffix("/") ? String(job.path.dropLast()) : job.path
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        // Unique within the process too: many deliveries share it.
        let number = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue
        let temporary = "\(base)/tmp/\(now.tv_sec).P\(getpid())Q\(number).\(job.hostName)"
        let descriptor = try create(temporary, base: base)
        defer { close(descriptor) }
        do {
            try MailboxWriter.copy(job, content, LineTransformer(), suffix: [], startSize: 0, to: descriptor)
            if fsync(descriptor) != 0 { throw MailboxError("error writing message", errno) }
            var status = stat()
            if fstat(descriptor, &status) != 0 { throw MailboxError("fstat \(temporary)", errno) }
            try publish(temporary, base: base, status)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private func create(_ path: String, base: String) throws(MailboxError) -> CInt {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        var descriptor = open(path, flags, 0o600)
        if descriptor < 0, errno == ENOENT {
            // A maildir comes into being with its first message.
            for name in ["tmp", "new", "cur"] {
                do throws(SystemError) {
                    try Files.makeDirectories("\(base)/\(name)", permissions: 0o700)
                } catch {
                    throw MailboxError("create maildir file \(path)", error.errno)
                }
            }
            descriptor = open(path, flags, 0o600)
        }
        if descriptor < 0 { throw MailboxError("create maildir file \(path)", errno) }
        return descriptor
    }

    /// `new/TIME.VdeviceIinodeMmicroseconds.host`
    private func publish(_ temporary: String, base: String, _ status: stat) throws(MailboxError) {
        for _ in 0..<10 {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            let device = String(UInt64(status.st_dev), radix: 16)
            let inode = String(UInt64(status.st_ino), radix: 16)
            let name = "\(now.tv_sec).V\(device)I\(inode)M\(now.tv_nsec / 1000).\(job.hostName)"
            let target = "\(base)/new/\(name)"
            // link(2) never replaces a message; file systems without it get a rename.
            if link(temporary, target) == 0 {
                unlink(temporary)
            } else if errno == EEXIST {
                continue
            } else if errno == ENOENT, mkdir("\(base)/new", 0o700) == 0 {
                continue
            } else if errno == EPERM || errno == EOPNOTSUPP, rename(temporary, target) == 0 {
            } else {
                throw MailboxError("create maildir file \(target)", errno)
            }
            try synchronizeDirectory("\(base)/new")
            return
        }
        throw MailboxError("create maildir file in \(base)/new", EEXIST)
    }

    /// The queue file goes next: the new name must not be lost with a crash.
    private func synchronizeDirectory(_ path: String) throws(MailboxError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // A drop box that cannot be read can be written: no reason to fail.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if fsync(descriptor) != 0, errno != EINVAL { throw MailboxError("synchronize \(path)", errno) }
    }
}
