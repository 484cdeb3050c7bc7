import CMailSystem
import Glibc
import Synchronization

/// An open descriptor of the real file system.
///
/// Its user calls `close` when nothing else is under way: after it, calls fail with EBADF.
public final class POSIXFile: StoredFile {
    private let current: Atomic<CInt>
    public var descriptor: CInt { current.load(ordering: .relaxed) }
    public let path: String

    /// Takes over the descriptor.
    public init(descriptor: CInt, path: String) {
        current = Atomic(descriptor)
        self.path = path
    }

    deinit { close() }

    public func status() throws(SystemError) -> FileStatus {
        var value = stat()
        if fstat(descriptor, &value) != 0 { throw SystemError("stat", path: path) }
        return FileStatus(value)
    }

    public func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
        guard count > 0 else { return [] }
        var failure: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let base = buffer.baseAddress {
                let got = pread(descriptor, base + filled, count - filled, offset + filled)
                if got == 0 { return }
                if got < 0 {
                    if errno == EINTR { continue }
                    failure = errno
                    return
                }
                filled += got
            }
        }
        if failure != 0 { throw SystemError("read", path: path, errno: failure) }
        return bytes
    }

    public func readCached(at offset: Int, count: Int) -> [UInt8]? {
        guard count > 0 else { return [] }
        var got = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            got = apus_read_cached(descriptor, buffer.baseAddress, count, offset)
            filled = max(got, 0)
        }
        return got < 0 ? nil : bytes
    }

    public func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        var failure: CInt = 0
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count, let base = buffer.baseAddress {
                let put = pwrite(descriptor, base + done, buffer.count - done, offset + done)
                if put < 0 {
                    if errno == EINTR { continue }
                    failure = errno
                    return
                }
                done += put
            }
        }
        if failure != 0 { throw SystemError("write", path: path, errno: failure) }
    }

    public func truncate(to size: Int) throws(SystemError) {
        if ftruncate(descriptor, size) != 0 { throw SystemError("truncate", path: path) }
    }

    public func setPermissions(_ mode: UInt32) throws(SystemError) {
        if fchmod(descriptor, mode) != 0 { throw SystemError("change mode of", path: path) }
    }

    /// fsync(2). The journals of ext4, xfs and btrfs commit the directory entry of a new file with it.
    public func synchronize() throws(SystemError) {
        while fsync(descriptor) != 0 {
            if errno != EINTR { throw SystemError("synchronize", path: path) }
        }
    }

    public func tryLock(exclusive: Bool) throws(SystemError) -> Bool {
        while flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return false }
            if errno != EINTR { throw SystemError("lock", path: path) }
        }
        return true
    }

    public func unlock() { _ = flock(descriptor, LOCK_UN) }

    public func close() {
        let last = current.exchange(-1, ordering: .relaxed)
        if last >= 0 { _ = Glibc.close(last) }
    }
}
