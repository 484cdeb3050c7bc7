import Glibc
import MailSystem

/// Reads a .forward or :include: file that only its owner or root may have written.
enum OwnersFile {
    /// A failure that says nothing of the file: the machine has no more of something, or our own process was ended.
    static func isTransient(_ code: Int) -> Bool {
        [EAGAIN, EINTR, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, ESTALE, ETIMEDOUT].contains(CInt(truncatingIfNeeded: code))
    }

    static func read(_ job: MailboxJob) -> MailboxOutcome {
        let descriptor = open(job.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0 { return failed(job, errno) }
        defer { close(descriptor) }
        var status = stat()
        if fstat(descriptor, &status) != 0 { return failed(job, errno) }
        if status.st_mode & S_IFMT != S_IFREG {
            return .failed("file \(job.path) is not a regular file", errno: Int(EINVAL))
        }
        if status.st_mode & 0o002 != 0 {
            return .failed("file \(job.path) is world writable", errno: Int(EPERM))
        }
        if job.owner != 0, status.st_uid != 0, status.st_uid != job.owner {
            return .failed("file \(job.path) has bad owner", errno: Int(EPERM))
        }
        var bytes: [UInt8] = []
        while bytes.count < job.sizeLimit {
            let chunk: [UInt8]
            do throws(SystemError) {
                chunk = try Descriptors.read(descriptor, count: 32 << 10)
            } catch {
                return failed(job, error.errno)
            }
            if chunk.isEmpty { return .contents(bytes, owner: status.st_uid) }
            bytes += chunk
        }
        return .failed("file \(job.path) is larger than \(job.sizeLimit) bytes", errno: Int(EFBIG))
    }

    private static func failed(_ job: MailboxJob, _ code: CInt) -> MailboxOutcome {
        .failed("cannot open file \(job.path): \(SystemError("", errno: code).reason)", errno: Int(code))
    }
}
