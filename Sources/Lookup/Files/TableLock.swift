import Glibc

/// The lock that Postfix's programs take on a table file: flock(2) on a descriptor of its own.
final class TableLock: Sendable {
    let descriptor: CInt

    /// nil, with errno set, when the file cannot be opened.
    ///
    /// - Parameter creates: an empty file, if there is none.
    init?(path: String, writing: Bool, creates: Bool = false) {
        let descriptor = open(path, (writing ? O_RDWR : O_RDONLY) | (creates ? O_CREAT : 0) | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Waits for the lock.
    func lock(exclusive: Bool) {
        while flock(descriptor, exclusive ? LOCK_EX : LOCK_SH) != 0, errno == EINTR {}
    }

    /// False while a writer has the file.
    func tryLockShared() -> Bool { flock(descriptor, LOCK_SH | LOCK_NB) == 0 }

    func unlock() { flock(descriptor, LOCK_UN) }

    func status() -> FileStamp? { FileStamp(descriptor: descriptor) }
}

/// What tells one state of a file from another.
struct FileStamp: Equatable {
    let device: UInt64
    let inode: UInt64
    let size: Int
    let seconds: Int
    let nanoseconds: Int
    let links: Int

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        seconds = Int(status.st_mtim.tv_sec)
        nanoseconds = Int(status.st_mtim.tv_nsec)
        links = Int(status.st_nlink)
    }

    init?(descriptor: CInt) {
        var result = stat()
        guard fstat(descriptor, &result) == 0 else { return nil }
        self.init(result)
    }

    init?(path: String) {
        var result = stat()
        guard stat(path, &result) == 0 else { return nil }
        self.init(result)
    }

    func isSameFile(as other: FileStamp) -> Bool { device == other.device && inode == other.inode }

    func hasSameContent(as other: FileStamp) -> Bool {
        isSameFile(as: other) && size == other.size && seconds == other.seconds && nanoseconds == other.nanoseconds
    }
}
