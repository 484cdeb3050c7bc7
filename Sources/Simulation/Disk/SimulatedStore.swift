import Glibc
import MailSystem

/// The disk as one process uses it. When the process is dead, nothing it still does has an effect.
struct SimulatedStore: FileStore {
    let disk: SimulatedDisk
    let process: SimulatedProcess
    /// Who owns the files that the process makes.
    var owner: UInt32 = 0

    private var clock: WorldClock { WorldClock(world: disk.world) }

    /// Before an operation: lets its fault happen.
    func check(_ operation: DiskOperation, _ path: String) throws(SystemError) {
        try SimulatedStore.check(operation, path, disk, process, grows: operation.grows)
    }

    static func check(
        _ operation: DiskOperation, _ path: String, _ disk: SimulatedDisk, _ process: SimulatedProcess, grows: Bool
    ) throws(SystemError) {
        guard process.isAlive else { throw SystemError("\(operation)", path: path, errno: EIO) }
        disk.world.note("disk", "\(process.name) \(operation) \(path)")
        let code = disk.fault?(operation, path, grows)
        // The fault may have been the end of the process.
        guard process.isAlive else { throw SystemError("\(operation)", path: path, errno: EIO) }
        guard let code else { return }
        disk.world.note("fault", "\(operation) \(path) \(code)")
        throw SystemError("\(operation)", path: path, errno: code)
    }

    private func existing(_ path: String, _ operation: DiskOperation) throws(SystemError) -> Inode {
        guard let inode = disk.find(path) else { throw SystemError("\(operation)", path: path, errno: ENOENT) }
        return inode
    }

    func create(_ path: String, permissions: UInt32) throws(SystemError) -> any StoredFile {
        try check(.create, path)
        guard disk.isDirectory(SimulatedDisk.split(path).directory) else {
            throw SystemError("create", path: path, errno: ENOENT)
        }
        guard disk.find(path) == nil else { throw SystemError("create", path: path, errno: EEXIST) }
        let inode = disk.makeInode(mode: permissions, owner: owner, at: clock.now())
        disk.add(path, inode)
        return SimulatedFile(disk, inode, path, process)
    }

    func open(_ path: String, writing: Bool) throws(SystemError) -> any StoredFile {
        try check(.open, path)
        return SimulatedFile(disk, try existing(path, .open), path, process)
    }

    func openForAppending(_ path: String, permissions: UInt32) throws(SystemError) -> any StoredFile {
        if disk.find(path) == nil { return try create(path, permissions: permissions) }
        return try open(path, writing: true)
    }

    func status(_ path: String) throws(SystemError) -> FileStatus {
        try check(.status, path)
        if disk.isDirectory(path) {
            return FileStatus(inode: 1, mode: 0o040700, size: 0, modified: MailTime(seconds: World.start))
        }
        return try existing(path, .status).status
    }

    func rename(_ old: String, to new: String) throws(SystemError) {
        try check(.rename, "\(old) to \(new)")
        _ = try existing(old, .rename)
        guard disk.isDirectory(SimulatedDisk.split(new).directory) else {
            throw SystemError("rename", path: old, errno: ENOENT)
        }
        disk.rename(old, new)
    }

    func link(_ old: String, to new: String) throws(SystemError) {
        try check(.link, "\(old) to \(new)")
        let inode = try existing(old, .link)
        guard disk.isDirectory(SimulatedDisk.split(new).directory) else {
            throw SystemError("link", path: old, errno: ENOENT)
        }
        guard disk.find(new) == nil else { throw SystemError("link", path: new, errno: EEXIST) }
        disk.add(new, inode)
    }

    func remove(_ path: String) throws(SystemError) {
        try check(.remove, path)
        _ = try existing(path, .remove)
        disk.remove(path)
    }

    func makeDirectory(_ path: String, permissions: UInt32) throws(SystemError) {
        try check(.makeDirectory, path)
        guard !disk.isDirectory(path) else { throw SystemError("make directory", path: path, errno: EEXIST) }
        guard disk.isDirectory(SimulatedDisk.split(path).directory) else {
            throw SystemError("make directory", path: path, errno: ENOENT)
        }
        disk.makeDirectory(path)
    }

    func list(_ path: String, _ body: (String) throws -> Bool) throws {
        try check(.list, path)
        guard let names = disk.names(in: path) else { throw SystemError("open directory", path: path, errno: ENOENT) }
        for name in names { if try !body(name) { return } }
    }

    func setPermissions(_ path: String, _ mode: UInt32) throws(SystemError) {
        try check(.setPermissions, path)
        disk.setMode(try existing(path, .setPermissions), mode)
    }

    func setTimes(_ path: String, _ time: MailTime) throws(SystemError) {
        try check(.setTimes, path)
        disk.setTime(try existing(path, .setTimes), time)
    }

    func freeFiles(_ path: String) throws(SystemError) -> Int { Int.max }

    func freeBytes(_ path: String) throws(SystemError) -> Int { disk.free }
}
