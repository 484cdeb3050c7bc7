/// The lock styles of mailbox files that go by descriptor.
public enum MailboxLockStyle: Sendable { case fcntl, flock }

/// An open mailbox file, or message file of a maildir. Calls block.
public protocol MailboxFile: AnyObject {
    func status() throws(SystemError) -> FileStatus
    /// The last bytes, at most `count`; empty where the file can be written but not read.
    func tail(_ count: Int) -> [UInt8]
    func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8]
    /// Writes all bytes at the end.
    func append(_ bytes: [UInt8]) throws(SystemError)
    func truncate(to size: Int) throws(SystemError)
    /// fsync(2)
    func synchronize() throws(SystemError)
    func changeOwner(to user: UInt32) throws(SystemError)
    /// False when the lock is held elsewhere.
    func tryLock(_ style: MailboxLockStyle) -> Bool
    func close()
}

/// The file operations of mailbox delivery, so that the simulator can stand in for the disk. Paths are absolute. Calls
/// block.
public protocol MailboxFiles: Sendable {
    /// O_CREAT | O_EXCL.
    func create(_ path: String, permissions: UInt32) throws(SystemError) -> any MailboxFile
    /// For appending; does not follow a symbolic link (ELOOP).
    func open(_ path: String) throws(SystemError) -> any MailboxFile
    /// Follows symbolic links, and does not wait for the other end of a pipe.
    func openForReading(_ path: String) throws(SystemError) -> any MailboxFile
    /// lstat(2); nil when there is nothing.
    func linkStatus(_ path: String) -> FileStatus?
    func link(_ old: String, to new: String) throws(SystemError)
    func rename(_ old: String, to new: String) throws(SystemError)
    func remove(_ path: String) throws(SystemError)
    func makeDirectory(_ path: String, permissions: UInt32) throws(SystemError)
    /// With its missing parents.
    func makeDirectories(_ path: String, permissions: UInt32) throws(SystemError)
    /// The names in the directory are durable when this returns. One that cannot be opened is left alone: a drop box
    /// that can be written but not read is no reason to fail.
    func synchronizeDirectory(_ path: String) throws(SystemError)
    func now() -> MailTime
    /// Waits.
    func pause(seconds: Int)
    /// A word that no other delivery of this machine uses at this second: `P4711Q23`.
    func uniqueWord() -> String
    /// May files be made for other users?
    var isRoot: Bool { get }
}
