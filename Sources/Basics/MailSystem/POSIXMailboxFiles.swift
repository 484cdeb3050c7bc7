import CMailSystem
import Glibc
import Synchronization

/// Mailboxes of the real file system.
public struct POSIXMailboxFiles: MailboxFiles {
    private static let counter = Atomic<UInt64>(0)

    public init() {}

    public func create(_ path: String, permissions: UInt32) throws(SystemError) -> any MailboxFile {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = Glibc.open(path, flags, permissions)
        if descriptor < 0 { throw SystemError("create", path: path) }
        return POSIXMailboxFile(descriptor: descriptor, path: path)
    }

    public func open(_ path: String) throws(SystemError) -> any MailboxFile {
        let flags = O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        var descriptor = Glibc.open(path, O_RDWR | flags)
        if descriptor < 0, errno == EACCES { descriptor = Glibc.open(path, O_WRONLY | flags) }
        if descriptor < 0 { throw SystemError("open", path: path) }
        return POSIXMailboxFile(descriptor: descriptor, path: path)
    }

    public func openForReading(_ path: String) throws(SystemError) -> any MailboxFile {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0 { throw SystemError("open", path: path) }
        return POSIXMailboxFile(descriptor: descriptor, path: path)
    }

    public func linkStatus(_ path: String) -> FileStatus? { Files.linkStatus(path) }

    public func link(_ old: String, to new: String) throws(SystemError) {
        if Glibc.link(old, new) != 0 { throw SystemError("link", path: new) }
    }

    public func rename(_ old: String, to new: String) throws(SystemError) {
        if Glibc.rename(old, new) != 0 { throw SystemError("rename", path: new) }
    }

    public func remove(_ path: String) throws(SystemError) {
        if unlink(path) != 0 { throw SystemError("remove", path: path) }
    }

    public func makeDirectory(_ path: String, permissions: UInt32) throws(SystemError) {
        if mkdir(path, permissions) != 0 { throw SystemError("make directory", path: path) }
    }

    public func makeDirectories(_ path: String, permissions: UInt32) throws(SystemError) {
        try Files.makeDirectories(path, permissions: permissions)
    }

    public func synchronizeDirectory(_ path: String) throws(SystemError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if fsync(descriptor) != 0, errno != EINVAL { throw SystemError("synchronize", path: path) }
    }

    public func now() -> MailTime { SystemClock().now() }

    public func pause(seconds: Int) { sleep(UInt32(clamping: seconds)) }

    public func uniqueWord() -> String {
        "P\(getpid())Q\(Self.counter.wrappingAdd(1, ordering: .relaxed).newValue)"
    }

    public var isRoot: Bool { Privileges.isRoot }
}

final class POSIXMailboxFile: MailboxFile {
    private let file: POSIXFile

    init(descriptor: CInt, path: String) { file = POSIXFile(descriptor: descriptor, path: path) }

    func status() throws(SystemError) -> FileStatus { try file.status() }

    func tail(_ count: Int) -> [UInt8] {
        guard let size = try? file.status().size else { return [] }
        return (try? file.read(at: max(0, size - count), count: count)) ?? []
    }

    func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] { try file.read(at: offset, count: count) }

    func append(_ bytes: [UInt8]) throws(SystemError) { try Descriptors.writeAll(bytes, to: file.descriptor) }

    func truncate(to size: Int) throws(SystemError) { try file.truncate(to: size) }

    func synchronize() throws(SystemError) { try file.synchronize() }

    func changeOwner(to user: UInt32) throws(SystemError) {
        if fchown(file.descriptor, user, gid_t.max) != 0 { throw SystemError("change owner of", path: file.path) }
    }

    func tryLock(_ style: MailboxLockStyle) -> Bool {
        switch style {
        case .flock: flock(file.descriptor, LOCK_EX | LOCK_NB) == 0
        case .fcntl: apus_record_lock(file.descriptor, CChar(UInt8(ascii: "w")), 0) == 0
        }
    }

    func close() { file.close() }
}
