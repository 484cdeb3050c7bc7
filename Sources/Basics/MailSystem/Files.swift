import Glibc

/// Whole-file conveniences for configuration files, maps and pid files. Calls block.
public enum Files {
    /// The bytes of a file of at most `limit` bytes (EFBIG beyond).
    public static func read(_ path: String, limit: Int = 1 << 30) throws(SystemError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw SystemError("open", path: path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var status = stat()
        if fstat(descriptor, &status) == 0 { bytes.reserveCapacity(min(max(Int(status.st_size), 0), limit)) }
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = Glibc.read(descriptor, &chunk, chunk.count)
            if got < 0 {
                if errno == EINTR { continue }
                throw SystemError("read", path: path)
            }
            if got == 0 { return bytes }
            if bytes.count + got > limit { throw SystemError("read", path: path, errno: EFBIG) }
            bytes.append(contentsOf: chunk[..<got])
        }
    }

    /// When the file was last modified, nanoseconds since 1970; nil when that can't be told.
    public static func modificationTime(_ path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Int(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int(status.st_mtim.tv_nsec)
    }

    /// The text of a file; bytes that are no UTF-8 become U+FFFD.
    public static func readText(_ path: String, limit: Int = 1 << 30) throws(SystemError) -> String {
        String(decoding: try read(path, limit: limit), as: UTF8.self)
    }

    /// Replaces a file in one step: writes beside it, synchronises, renames.
    public static func writeAtomically(
        _ bytes: [UInt8], to path: String, permissions: UInt32 = 0o644
    ) throws(SystemError) {
        let temporary = "\(path).tmp.\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions)
        if descriptor < 0 { throw SystemError("create", path: temporary) }
        do throws(SystemError) {
            try Descriptors.writeAll(bytes, to: descriptor, path: temporary)
            if fchmod(descriptor, permissions) != 0 { throw SystemError("change mode of", path: temporary) }
            if fsync(descriptor) != 0 { throw SystemError("synchronize", path: temporary) }
            if rename(temporary, path) != 0 { throw SystemError("rename", path: temporary) }
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        close(descriptor)
    }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    public static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    /// stat(2), following symbolic links; nil when there is nothing.
    public static func status(_ path: String) -> FileStatus? {
        var value = stat()
        return stat(path, &value) == 0 ? FileStatus(value) : nil
    }

    /// lstat(2): the link itself.
    public static func linkStatus(_ path: String) -> FileStatus? {
        var value = stat()
        return lstat(path, &value) == 0 ? FileStatus(value) : nil
    }

    /// Target of a symbolic link.
    public static func readLink(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { space in
            space.baseAddress.map { readlink(path, $0, space.count) } ?? -1
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }

    /// Makes a directory and its missing parents.
    public static func makeDirectories(_ path: String, permissions: UInt32 = 0o755) throws(SystemError) {
        if status(path)?.isDirectory == true { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeDirectories(String(path[..<slash]), permissions: permissions)
        }
        if mkdir(path, permissions) != 0, errno != EEXIST { throw SystemError("make directory", path: path) }
    }

    /// The path of the running program, links resolved.
    public static var ownExecutable: String? { readLink("/proc/self/exe") }
}
