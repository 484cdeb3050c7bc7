import Glibc

/// Locks on whole files that belong to an open file description, not to the process (fcntl(2)): two tables of one process
/// exclude each other, and closing one does not release the other's. They exclude Postfix's fcntl locks and are excluded.
enum RecordLock {
    enum Kind {
        case shared
        case exclusive
        case none
    }

    // F_OFD_SETLK and F_OFD_SETLKW, which Swift does not import.
    private static let setLock: CInt = 37
    private static let setLockAndWait: CInt = 38

    /// False, with errno set, when the lock cannot be had.
    static func set(_ descriptor: CInt, _ kind: Kind, wait: Bool) -> Bool {
        var lock = flock()
        switch kind {
        case .shared: lock.l_type = Int16(F_RDLCK)
        case .exclusive: lock.l_type = Int16(F_WRLCK)
        case .none: lock.l_type = Int16(F_UNLCK)
        }
        lock.l_whence = Int16(SEEK_SET)
        var status = fcntl(descriptor, wait ? setLockAndWait : setLock, &lock)
        while wait, status != 0, errno == EINTR { status = fcntl(descriptor, setLockAndWait, &lock) }
        return status == 0
    }
}
