import Glibc

/// The real file system. Relative paths are taken below `root`; an empty root means the working directory, which is
/// right inside a chroot.
public struct POSIXFileStore: FileStore {
    /// Without trailing slash, or empty.
    public let root: String

    public init(root: String) {
        self.root = root.utf8.count > 1 && root.utf8.last == UInt8(ascii: "/") ? String(root.dropLast()) : root
    }

    public func absolute(_ path: String) -> String {
        path.utf8.first == UInt8(ascii: "/") || root.isEmpty ? path : "\(root)/\(path)"
    }

    public func create(_ path: String, permissions: UInt32) throws(SystemError) -> any StoredFile {
        try open("create", path, O_RDWR | O_CREAT | O_EXCL, permissions)
    }

    public func open(_ path: String, writing: Bool) throws(SystemError) -> any StoredFile {
        try open("open", path, writing ? O_RDWR : O_RDONLY, 0)
    }

    public func openForAppending(_ path: String, permissions: UInt32) throws(SystemError) -> any StoredFile {
        try open("open", path, O_RDWR | O_CREAT, permissions)
    }

    private func open(
        _ operation: String, _ path: String, _ flags: CInt, _ permissions: UInt32
    ) throws(SystemError) -> POSIXFile {
        while true {
            let descriptor = Glibc.open(absolute(path), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, permissions)
            if descriptor >= 0 { return POSIXFile(descriptor: descriptor, path: path) }
            if errno != EINTR { throw SystemError(operation, path: path) }
        }
    }

    public func status(_ path: String) throws(SystemError) -> FileStatus {
        var value = stat()
        if lstat(absolute(path), &value) != 0 { throw SystemError("stat", path: path) }
        return FileStatus(value)
    }

    public func rename(_ old: String, to new: String) throws(SystemError) {
        if Glibc.rename(absolute(old), absolute(new)) != 0 { throw SystemError("rename", path: "\(old) to \(new)") }
    }

    public func link(_ old: String, to new: String) throws(SystemError) {
        if Glibc.link(absolute(old), absolute(new)) != 0 { throw SystemError("link", path: "\(old) to \(new)") }
    }

    public func remove(_ path: String) throws(SystemError) {
        if unlink(absolute(path)) != 0 { throw SystemError("remove", path: path) }
    }

    public func makeDirectory(_ path: String, permissions: UInt32) throws(SystemError) {
        if mkdir(absolute(path), permissions) != 0 { throw SystemError("make directory", path: path) }
    }

    public func list(_ path: String, _ body: (String) throws -> Bool) throws {
        guard let directory = opendir(absolute(path)) else { throw SystemError("open directory", path: path) }
        defer { closedir(directory) }
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw SystemError("read directory", path: path) }
                return
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            if try !body(name) { return }
        }
    }

    public func openDirectory(_ path: String) throws(SystemError) -> any DirectoryCursor {
        try POSIXDirectoryCursor(absolute(path))
    }

    public func setPermissions(_ path: String, _ mode: UInt32) throws(SystemError) {
        if chmod(absolute(path), mode) != 0 { throw SystemError("change mode of", path: path) }
    }

    public func setTimes(_ path: String, _ time: MailTime) throws(SystemError) {
        let value = timespec(tv_sec: time.seconds, tv_nsec: time.microseconds * 1000)
        let both = [value, value]
        if utimensat(AT_FDCWD, absolute(path), both, 0) != 0 { throw SystemError("set times of", path: path) }
    }

    public func freeBytes(_ path: String) throws(SystemError) -> Int {
        let value = try fileSystem(path)
        let (product, overflow) = UInt64(value.f_bavail).multipliedReportingOverflow(by: UInt64(value.f_frsize))
        return overflow ? Int.max : Int(clamping: product)
    }

    public func freeFiles(_ path: String) throws(SystemError) -> Int {
        let value = try fileSystem(path)
        return value.f_files == 0 ? Int.max : Int(clamping: value.f_favail)
    }

    private func fileSystem(_ path: String) throws(SystemError) -> statvfs {
        var value = statvfs()
        if statvfs(absolute(path), &value) != 0 { throw SystemError("statvfs", path: path) }
        return value
    }
}

extension FileStatus {
    /// What stat(2) said.
    public init(_ value: stat) {
        self.init(
            device: UInt64(value.st_dev), inode: UInt64(value.st_ino), mode: UInt32(value.st_mode),
            owner: value.st_uid, group: value.st_gid, size: Int(value.st_size), links: Int(value.st_nlink),
            modified: MailTime(value.st_mtim), accessed: MailTime(value.st_atim))
    }
}

extension MailTime {
    init(_ value: timespec) {
        self.init(seconds: Int(value.tv_sec), microseconds: Int(value.tv_nsec) / 1000)
    }
}
