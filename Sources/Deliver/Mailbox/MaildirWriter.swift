import Glibc
import MailSystem
import Spool

/// Delivers into a maildir: written and synchronised in `tmp`, then renamed into `new`.
struct MaildirWriter {
    let job: MailboxJob
    let files: any MailboxFiles

    func deliver(_ content: ContentReader) throws {
        let base = job.path.hasSuffix("/") ? String(job.path.dropLast()) : job.path
        // Unique within the process too: many deliveries share it.
        let temporary = "\(base)/tmp/\(files.now().seconds).\(files.uniqueWord()).\(job.hostName)"
        let file = try create(temporary, base: base)
        defer { file.close() }
        do {
            try MailboxWriter.copy(job, content, LineTransformer(), suffix: [], startSize: 0, to: file)
            try attempt("error writing message") { () throws(SystemError) in try file.synchronize() }
            let status = try attempt("fstat \(temporary)") { () throws(SystemError) in try file.status() }
            try publish(temporary, base: base, status)
        } catch {
            try? files.remove(temporary)
            throw error
        }
    }

    private func attempt<T>(_ what: String, _ body: () throws(SystemError) -> T) throws(MailboxError) -> T {
        do throws(SystemError) {
            return try body()
        } catch {
            throw MailboxError(what, error.errno)
        }
    }

    private func create(_ path: String, base: String) throws(MailboxError) -> any MailboxFile {
        do throws(SystemError) {
            return try files.create(path, permissions: 0o600)
        } catch {
            guard error.errno == ENOENT else { throw MailboxError("create maildir file \(path)", error.errno) }
        }
        return try attempt("create maildir file \(path)") { () throws(SystemError) in
            // A maildir comes into being with its first message.
            for name in ["tmp", "new", "cur"] {
                try files.makeDirectories("\(base)/\(name)", permissions: 0o700)
            }
            return try files.create(path, permissions: 0o600)
        }
    }

    /// `new/TIME.VdeviceIinodeMmicroseconds.host`
    private func publish(_ temporary: String, base: String, _ status: FileStatus) throws(MailboxError) {
        for _ in 0..<10 {
            let now = files.now()
            let device = String(status.device, radix: 16)
            let inode = String(status.inode, radix: 16)
            let target = "\(base)/new/\(now.seconds).V\(device)I\(inode)M\(now.microseconds).\(job.hostName)"
            guard try move(temporary, to: target, base: base) else { continue }
            // The queue file goes next: the new name must not be lost with a crash.
            do throws(SystemError) {
                try files.synchronizeDirectory("\(base)/new")
            } catch {
                // It will be delivered again.
                try? files.remove(target)
                throw MailboxError("synchronize \(base)/new", error.errno)
            }
            return
        }
        throw MailboxError("create maildir file in \(base)/new", EEXIST)
    }

    /// link(2) never replaces a message; file systems without it get a rename.
    /// - Returns: false to try another name.
    private func move(_ temporary: String, to target: String, base: String) throws(MailboxError) -> Bool {
        let code: CInt
        do throws(SystemError) {
            try files.link(temporary, to: target)
            try? files.remove(temporary)
            return true
        } catch {
            code = error.errno
        }
        if code == EEXIST { return false }
        if code == ENOENT {
            try makeNew(base, for: target)
            return false
        }
        if code == EPERM || code == EOPNOTSUPP, (try? files.rename(temporary, to: target)) != nil { return true }
        throw MailboxError("create maildir file \(target)", code)
    }

    /// What keeps `new` from being made is what is wrong, such as a full disk, and not that it is missing.
    private func makeNew(_ base: String, for target: String) throws(MailboxError) {
        do throws(SystemError) {
            try files.makeDirectory("\(base)/new", permissions: 0o700)
        } catch {
            // Somebody else may have made it meanwhile.
            if error.errno != EEXIST { throw MailboxError("create maildir file \(target)", error.errno) }
        }
    }
}
