import Glibc
import MailSystem
import Sockets

/// What a process uses of the machine that it runs on. The simulator stands in with another one: its disk, its network,
/// its threads.
public struct Machine: Sendable {
    /// The queue directory.
    public var store: any FileStore
    public var mailboxes: any MailboxFiles
    public var users: any UserDatabase
    public var sockets: any Sockets
    /// A pool of at most that many threads.
    public var makePool: @Sendable (_ threads: Int) -> BlockingPool
    /// Opens the lock that keeps two queue managers off one queue, `pid/unix.qmgr`.
    public var openQueueLock: @Sendable () throws(SystemError) -> any ProcessLock
    public var processID: Int32

    public init(
        store: any FileStore, mailboxes: any MailboxFiles, users: any UserDatabase, sockets: any Sockets,
        makePool: @escaping @Sendable (_ threads: Int) -> BlockingPool,
        openQueueLock: @escaping @Sendable () throws(SystemError) -> any ProcessLock, processID: Int32
    ) {
        self.store = store
        self.mailboxes = mailboxes
        self.users = users
        self.sockets = sockets
        self.makePool = makePool
        self.openQueueLock = openQueueLock
        self.processID = processID
    }

    /// The working directory is the queue directory, also inside a chroot.
    public static var real: Machine {
        Machine(
            store: POSIXFileStore(root: ""), mailboxes: POSIXMailboxFiles(), users: SystemUsers(),
            sockets: KernelSockets(), makePool: { BlockingPool(maximumThreads: $0) },
            openQueueLock: { () throws(SystemError) in try FileProcessLock(path: "pid/unix.qmgr") },
            processID: getpid())
    }
}

/// A lock that one process holds at a time.
public protocol ProcessLock: Sendable {
    /// Waits until no other process has it.
    func take(_ pool: BlockingPool) async throws(SystemError)
    func release()
}

/// flock(2) on a file.
final class FileProcessLock: ProcessLock {
    private let file: POSIXFile

    /// Opens the lock file, with the rights of the process' start.
    /// - Parameter path: relative to the queue directory.
    init(path: String) throws(SystemError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { throw SystemError("open lock file", path: path) }
        file = POSIXFile(descriptor: descriptor, path: path)
    }

    func take(_ pool: BlockingPool) async throws(SystemError) {
        let file = file
        try await pool.run { () throws(SystemError) in
            while flock(file.descriptor, LOCK_EX) != 0 {
                if errno != EINTR { throw SystemError("lock", path: file.path) }
            }
        }
    }

    func release() { file.unlock() }
}
