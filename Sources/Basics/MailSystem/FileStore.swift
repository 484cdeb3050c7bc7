import Glibc

/// What the spool needs to know of a file.
public struct FileStatus: Sendable, Equatable {
    public var device: UInt64
    public var inode: UInt64
    /// Permission bits and file type, as stat(2) gives them.
    public var mode: UInt32
    public var owner: UInt32
    public var group: UInt32
    public var size: Int
    public var links: Int
    public var modified: MailTime
    public var accessed: MailTime

    public init(
        device: UInt64 = 0, inode: UInt64, mode: UInt32, owner: UInt32 = 0, group: UInt32 = 0, size: Int,
        links: Int = 1, modified: MailTime, accessed: MailTime? = nil
    ) {
        self.device = device
        self.inode = inode
        self.mode = mode
        self.owner = owner
        self.group = group
        self.size = size
        self.links = links
        self.modified = modified
        self.accessed = accessed ?? modified
    }

    public var isRegularFile: Bool { mode & 0o170000 == 0o100000 }
    public var isDirectory: Bool { mode & 0o170000 == 0o040000 }
    public var permissions: UInt32 { mode & 0o7777 }
}

/// An open file of a `FileStore`. Calls block: keep them off event loops, on the blocking pool.
public protocol StoredFile: AnyObject, Sendable {
    func status() throws(SystemError) -> FileStatus
    /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
    func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8]
    /// Reads as `read` does, but only what is in memory already: nil where that would wait for the disk, or can't be
    /// known. Does not block.
    func readCached(at offset: Int, count: Int) -> [UInt8]?
    /// Writes all bytes at `offset`.
    func write(_ bytes: [UInt8], at offset: Int) throws(SystemError)
    func truncate(to size: Int) throws(SystemError)
    func setPermissions(_ mode: UInt32) throws(SystemError)
    /// Data and metadata are durable when this returns; for a new file, its directory entry too.
    func synchronize() throws(SystemError)
    /// flock(2). Returns false when the lock is held elsewhere.
    func tryLock(exclusive: Bool) throws(SystemError) -> Bool
    func unlock()
    func close()
}

extension StoredFile {
    public func readCached(at offset: Int, count: Int) -> [UInt8]? { nil }
}

/// The file operations of the spool, so that the simulator can stand in for the disk.
/// Paths are relative to the queue directory or absolute. Calls block.
public protocol FileStore: Sendable {
    /// O_CREAT | O_EXCL | O_RDWR.
    func create(_ path: String, permissions: UInt32) throws(SystemError) -> any StoredFile
    func open(_ path: String, writing: Bool) throws(SystemError) -> any StoredFile
    /// Opens for appending, creating the file when it is missing.
    func openForAppending(_ path: String, permissions: UInt32) throws(SystemError) -> any StoredFile
    func status(_ path: String) throws(SystemError) -> FileStatus
    func rename(_ old: String, to new: String) throws(SystemError)
    func link(_ old: String, to new: String) throws(SystemError)
    func remove(_ path: String) throws(SystemError)
    func makeDirectory(_ path: String, permissions: UInt32) throws(SystemError)
    /// Calls `body` with each name (not `.` and `..`) in directory order until it returns false.
    func list(_ path: String, _ body: (String) throws -> Bool) throws
    /// The names in a directory, one by one. Has a default that reads them all at once, for stores in memory.
    func openDirectory(_ path: String) throws(SystemError) -> any DirectoryCursor
    func setPermissions(_ path: String, _ mode: UInt32) throws(SystemError)
    func setTimes(_ path: String, _ time: MailTime) throws(SystemError)
    /// Bytes that an unprivileged process may still write below `path`.
    func freeBytes(_ path: String) throws(SystemError) -> Int
    /// Files that an unprivileged process may still make below `path`; `Int.max` where there is no limit.
    func freeFiles(_ path: String) throws(SystemError) -> Int
}
