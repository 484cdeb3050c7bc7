import Glibc
import MailSystem
import Spool

/// Appends to a mailbox file under its locks; what fails half-way is taken back.
struct MboxWriter {
    let job: MailboxJob
    let files: any MailboxFiles

    /// - Returns: where the message begins.
    func deliver(_ content: ContentReader) throws -> Int {
        try InProcessLocks.shared.withLock(job.path) {
            let dotLock = try DotLock.take(job, files)
            defer { dotLock?.release() }
            let file = try open()
            defer { file.close() }
            let size = try check(file)
            try lock(file)
            return try append(content, file, size)
        }
    }

    private func open() throws(MailboxError) -> any MailboxFile {
        do throws(SystemError) {
            return try files.open(job.path)
        } catch {
            if error.errno == ELOOP { throw MailboxError(plain: "\(job.path) is a symbolic link") }
            guard error.errno == ENOENT else { throw MailboxError("cannot open file", error.errno) }
        }
        let file: any MailboxFile
        do throws(SystemError) {
            file = try files.create(job.path, permissions: 0o600)
        } catch {
            throw MailboxError("cannot create file exclusively", error.errno)
        }
        // Made by root in a spool directory that the recipient cannot write.
        guard files.isRoot, job.owner != 0 else { return file }
        do throws(SystemError) {
            try file.changeOwner(to: job.owner)
        } catch {
            file.close()
            try? files.remove(job.path)
            throw MailboxError("cannot change ownership", error.errno)
        }
        return file
    }

    private func status(_ file: any MailboxFile) throws(MailboxError) -> FileStatus {
        do throws(SystemError) {
            return try file.status()
        } catch {
            throw MailboxError("cannot open file", error.errno)
        }
    }

    /// - Returns: the size before delivery.
    private func check(_ file: any MailboxFile) throws(MailboxError) -> Int {
        let status = try status(file)
        let isRegular = status.isRegularFile
        if !isRegular, !(job.allowsDevices && status.mode & S_IFMT == S_IFCHR) {
            throw MailboxError(plain: "not a regular file")
        }
        if isRegular, status.links > 1 { throw MailboxError(plain: "file has \(status.links) links") }
        if isRegular, files.isRoot, status.owner == 0, job.owner != 0, status.size == 0 {
            // A crash came between making the file and giving it away: nobody else makes empty files of root here.
            do throws(SystemError) {
                try file.changeOwner(to: job.owner)
            } catch {
                throw MailboxError("cannot change ownership", error.errno)
            }
            return 0
        }
        if isRegular, job.isOwnershipStrict, status.owner != job.owner {
            throw MailboxError(plain: "destination \(job.path) is not owned by recipient")
        }
        return isRegular ? status.size : 0
    }

    private func lock(_ file: any MailboxFile) throws(MailboxError) {
        for lock in job.locks where lock != .dotlock {
            var attempt = 0
            while !file.tryLock(lock == .flock ? .flock : .fcntl) {
                attempt += 1
                if attempt >= job.lockAttempts { throw MailboxError("unable to lock for exclusive access", EAGAIN) }
                files.pause(seconds: job.lockDelay)
            }
        }
    }

    private func append(_ content: ContentReader, _ file: any MailboxFile, _ before: Int) throws -> Int {
        // Another process may have written between our look and our lock.
        let status = try status(file)
        let isRegular = status.isRegularFile
        let size = isRegular ? status.size : before
        do {
            try separate(file)
            try MailboxWriter.copy(
                job, content, LineTransformer(quotesFrom: true), suffix: [UInt8(ascii: "\n")], startSize: size,
                to: file)
            if isRegular { try synchronize(file) }
            return size
        } catch {
            if isRegular { try? file.truncate(to: size) }
            throw error
        }
    }

    /// A delivery that a crash cut off must not swallow the beginning of this one.
    private func separate(_ file: any MailboxFile) throws(MailboxError) {
        let newline = UInt8(ascii: "\n")
        let end = file.tail(2)
        guard let last = end.last, end != [newline, newline] else { return }
        do throws(SystemError) {
            try file.append(last == newline ? [newline] : [newline, newline])
        } catch {
            throw MailboxError("error writing message", error.errno)
        }
    }

    private func synchronize(_ file: any MailboxFile) throws(MailboxError) {
        do throws(SystemError) {
            try file.synchronize()
        } catch {
            throw MailboxError("error writing message", error.errno)
        }
    }
}
