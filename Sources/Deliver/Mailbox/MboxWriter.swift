import CMailSystem
import Glibc
import MailSystem
import Spool

/// Appends to a mailbox file under its locks; what fails half-way is taken back.
struct MboxWriter {
    let job: MailboxJob

    /// - Returns: where the message begins.
    func deliver(_ content: ContentReader) throws -> Int {
        try InProcessLocks.shared.withLock(job.path) {
            let dotLock = try DotLock.take(job)
            defer { dotLock?.release() }
            let descriptor = try open()
            defer { close(descriptor) }
            let size = try check(descriptor)
            try lock(descriptor)
            return try append(content, descriptor, size)
        }
    }

    private func open() throws(MailboxError) -> CInt {
        let flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        var descriptor = Glibc.open(job.path, flags)
        if descriptor >= 0 { return descriptor }
        guard errno == ENOENT else {
            if errno == ELOOP { throw MailboxError(plain: "\(job.path) is a symbolic link") }
            throw MailboxError("cannot open file", errno)
        }
        descriptor = Glibc.open(job.path, flags | O_CREAT | O_EXCL, 0o600)
        if descriptor < 0 { throw MailboxError("cannot create file exclusively", errno) }
        // Made by root in a spool directory that the recipient cannot write.
        if geteuid() == 0, job.owner != 0, fchown(descriptor, job.owner, gid_t.max) != 0 {
            let code = errno
            close(descriptor)
            unlink(job.path)
            throw MailboxError("cannot change ownership", code)
        }
        return descriptor
    }

    /// - Returns: the size before delivery.
    private func check(_ descriptor: CInt) throws(MailboxError) -> Int {
        var status = stat()
        if fstat(descriptor, &status) != 0 { throw MailboxError("cannot open file", errno) }
        let isRegular = status.st_mode & S_IFMT == S_IFREG
        if !isRegular, !(job.allowsDevices && status.st_mode & S_IFMT == S_IFCHR) {
            throw MailboxError(plain: "not a regular file")
        }
        if isRegular, status.st_nlink > 1 { throw MailboxError(plain: "file has \(status.st_nlink) links") }
        if isRegular, job.isOwnershipStrict, status.st_uid != job.owner {
            throw MailboxError(plain: "destination \(job.path) is not owned by recipient")
        }
        return isRegular ? Int(status.st_size) : 0
    }

    private func lock(_ descriptor: CInt) throws(MailboxError) {
        for style in job.locks where style != .dotlock {
            var attempt = 0
            while !tryLock(descriptor, style) {
                attempt += 1
                if attempt >= job.lockAttempts { throw MailboxError("unable to lock for exclusive access", EAGAIN) }
                sleep(UInt32(clamping: job.lockDelay))
            }
        }
    }

    private func tryLock(_ descriptor: CInt, _ style: MailboxJob.Lock) -> Bool {
        style == .flock
            ? flock(descriptor, LOCK_EX | LOCK_NB) == 0 : apus_record_lock(descriptor, CChar(UInt8(ascii: "w")), 0) == 0
    }

    private func append(_ content: ContentReader, _ descriptor: CInt, _ before: Int) throws -> Int {
        // Another process may have written between our fstat and our lock.
        var status = stat()
        if fstat(descriptor, &status) != 0 { throw MailboxError("cannot open file", errno) }
        let isRegular = status.st_mode & S_IFMT == S_IFREG
        let size = isRegular ? Int(status.st_size) : before
        do {
            try MailboxWriter.copy(
                job, content, LineTransformer(quotesFrom: true), suffix: [UInt8(ascii: "\n")], startSize: size,
                to: descriptor)
            if isRegular, fsync(descriptor) != 0 { throw MailboxError("error writing message", errno) }
            return size
        } catch {
            if isRegular { ftruncate(descriptor, size) }
            throw error
        }
    }
}
