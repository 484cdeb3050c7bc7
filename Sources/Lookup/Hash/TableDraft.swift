import Glibc
import MailSystem

/// A new edition of a table file, written beside the one in use: `publish` puts it in its place in one step, so that
/// readers see the whole old table or the whole new one, and a broken build leaves the old one.
///
/// A reader behind a chroot keeps the old file until its process gives way to another. A small table is written into
/// that file too, so that the next lookup everywhere sees what was built.
final class TableDraft {
    /// Larger tables would keep their readers waiting for too long.
    private static let largestCopy = 4 << 20

    let path: String
    private let current: TableLock
    private let target: String
    /// The file in the table's place is empty, and nothing that should stay there.
    private let isNew: Bool
    private var isPublished = false

    /// nil when no file can be made there. Owner and mode become those of the table in use.
    init?(of target: String, like current: TableLock, isNew: Bool) {
        self.target = target
        self.current = current
        self.isNew = isNew
        path = "\(target).tmp"
        var status = stat()
        guard fstat(current.descriptor, &status) == 0 else { return nil }
        // What an interrupted build left behind.
        unlink(path)
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let ownerKept = fchown(descriptor, status.st_uid, status.st_gid) == 0
        guard ownerKept, fchmod(descriptor, status.st_mode & 0o777) == 0 else {
            unlink(path)
            return nil
        }
    }

    deinit {
        if isPublished { return }
        unlink(path)
        if isNew { unlink(target) }
    }

    func publish() throws(FileProblem) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, fsync(descriptor) == 0, rename(path, target) == 0 else {
            let failure = FileProblem(errno: errno)
            if descriptor >= 0 { close(descriptor) }
            throw failure
        }
        defer { close(descriptor) }
        isPublished = true
        if !isNew, let new = FileStamp(descriptor: descriptor), new.size <= Self.largestCopy {
            rewriteOld(from: descriptor, size: new.size)
        }
    }

    /// The lock is held: nobody reads half of it. Of what goes wrong nobody hears: the file has no name any more, and its
    /// readers are on their way out.
    private func rewriteOld(from source: CInt, size: Int) {
        guard let bytes = FileBytes.read(source, at: 0, count: size) else { return }
        lseek(current.descriptor, 0, SEEK_SET)
        do { try Descriptors.writeAll(bytes, to: current.descriptor) } catch {}
        _ = ftruncate(current.descriptor, lseek(current.descriptor, 0, SEEK_CUR))
    }
}
