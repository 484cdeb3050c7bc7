import Glibc
import MailSystem

/// Reads a .forward or :include: file that only its owner or root may have written.
enum OwnersFile {
    /// A failure that says nothing of the file: the machine has no more of something, or our own process was ended.
    static func isTransient(_ code: Int) -> Bool {
        [EAGAIN, EINTR, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, ESTALE, ETIMEDOUT].contains(CInt(truncatingIfNeeded: code))
    }

    static func read(_ job: MailboxJob, in files: any MailboxFiles) -> MailboxOutcome {
        do throws(SystemError) {
            let file = try files.openForReading(job.path)
            defer { file.close() }
            return try read(job, file)
        } catch {
            return .failed(
                "cannot open file \(job.path): \(SystemError("", errno: error.errno).reason)", errno: Int(error.errno))
        }
    }

    private static func read(_ job: MailboxJob, _ file: any MailboxFile) throws(SystemError) -> MailboxOutcome {
        let status = try file.status()
        if status.mode & UInt32(S_IFMT) != UInt32(S_IFREG) {
            return .failed("file \(job.path) is not a regular file", errno: Int(EINVAL))
        }
        if status.mode & 0o002 != 0 {
            return .failed("file \(job.path) is world writable", errno: Int(EPERM))
        }
        if job.owner != 0, status.owner != 0, status.owner != job.owner {
            return .failed("file \(job.path) has bad owner", errno: Int(EPERM))
        }
        var bytes: [UInt8] = []
        while bytes.count < job.sizeLimit {
            let chunk = try file.read(at: bytes.count, count: 32 << 10)
            if chunk.isEmpty { return .contents(bytes, owner: status.owner) }
            bytes += chunk
        }
        return .failed("file \(job.path) is larger than \(job.sizeLimit) bytes", errno: Int(EFBIG))
    }
}
