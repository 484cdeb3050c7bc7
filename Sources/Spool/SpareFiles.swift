import Glibc
import MailSystem
import Synchronization

/// Emptied files of messages that have left the queue, in `spare/`, where the next messages take them.
///
/// A new inode is the dearest part of taking a small message on a busy server: ext4 steps over every inode that was
/// freed in the last minute or more when it looks for one. So the queue manager keeps the files of finished messages
/// instead of removing them, and a new message begins by renaming one.
///
/// A spare holds no mail: it is emptied before it is used, which gives its blocks back, so that after a power loss the
/// file system can't show old content under a new name (data in order, as with a new file). A file that a delivery
/// agent still has open, and so may write a mark to, is locked; such a file is removed and never kept.
///
/// A program that takes many messages keeps a stock of spares, open, locked and checked, so that to begin a message costs
/// no file operation: the file gets its new name when something is first written to it. A stock that nobody takes from is
/// given back after a while: a file system with a file that is open for writing cannot be made read-only.
public final class SpareFiles: Sendable {
    /// Below the queue directory.
    public static let queue = "spare"
    /// The longest that emptying a file may take is bounded by its size.
    static let largestSize = 1 << 20

    private struct State {
        var names: [String] = []
        /// How many more may be kept before the directory is counted again.
        var room = 0
        var nextLook: UInt64 = 0
        var nextCount: UInt64 = 0
        var stock: [Spare] = []
        var isFilling = false
        /// `stockIsHeld` was called, and `releaseUnused` has not said false since.
        var isWatched = false
        var wasUsed = false
    }

    /// An empty file of mode 0600 that this process has open and holds the lock of.
    struct Spare: Sendable {
        var file: any StoredFile
        /// Its name for now, in `spare/`.
        var path: String
        var inode: UInt64
    }

    private let store: any FileStore
    private let clock: any MailClock
    private let limit: Int
    private let reserve: Int
    private let rest: UInt64
    private let stockSize: Int
    private let stockIsHeld: @Sendable (SpareFiles) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: files that are kept at most.
    ///   - reserve: files that stay: short queue ids are made of the inode and the microsecond, and would soon repeat
    ///     if a few inodes served all mail.
    ///   - rest: nanoseconds between looks into a directory that had nothing to offer, or no room.
    ///   - stock: spares that `fill` holds ready.
    ///   - stockIsHeld: from now on, `releaseUnused` shall be called every few seconds until it says false.
    public init(
        store: any FileStore, clock: any MailClock, limit: Int = 4096, reserve: Int = 128, rest: UInt64 = 500_000_000,
        stock: Int = 32, stockIsHeld: @escaping @Sendable (SpareFiles) -> Void = { _ in }
    ) {
        self.store = store
        self.clock = clock
        self.limit = limit
        self.reserve = reserve
        self.rest = rest
        stockSize = stock
        self.stockIsHeld = stockIsHeld
    }

    /// A file from the stock; nil when it is empty. Does not block.
    func takeFromStock() -> Spare? {
        state.withLock { state in
            state.wasUsed = true
            return state.stock.popLast()
        }
    }

    /// The stock is low and nobody is filling it: the caller has `fill` run where it may block.
    public func needsFilling() -> Bool {
        state.withLock { state in
            guard !state.isFilling, state.stock.count <= stockSize / 2 else { return false }
            state.isFilling = true
            return true
        }
    }

    /// Fills the stock, after `needsFilling` said so. Blocks.
    public func fill() {
        var hasLooked = false
        while state.withLock({ $0.stock.count < stockSize }), let spare = claimNext(&hasLooked) {
            state.withLock { $0.stock.append(spare) }
        }
        let startsWatch = state.withLock { state in
            state.isFilling = false
            guard !state.isWatched, !state.stock.isEmpty else { return false }
            state.isWatched = true
            return true
        }
        if startsWatch { stockIsHeld(self) }
    }

    /// Gives the stock back, unless somebody has asked for a file since the last call. Blocks.
    /// - Returns: whether to call again after a while.
    public func releaseUnused() -> Bool {
        let unused = state.withLock { state -> [Spare]? in
            if state.wasUsed {
                state.wasUsed = false
                return nil
            }
            state.isWatched = false
            defer { state.stock = [] }
            return state.stock
        }
        guard let unused else { return true }
        for spare in unused { spare.file.close() }
        return false
    }

    /// A file for a new message; nil when there is none to spare. Blocks.
    func take() -> Spare? {
        var hasLooked = false
        return takeFromStock() ?? claimNext(&hasLooked)
    }

    private func claimNext(_ hasLooked: inout Bool) -> Spare? {
        while let name = nextName(&hasLooked) {
            let path = "\(Self.queue)/\(name)"
            guard let file = try? store.open(path, writing: true) else { continue }
            // Who holds the lock while the name stands owns the file, until it has its new name.
            if (try? file.tryLock(exclusive: true)) == true, let inode = try? claim(file, path) {
                return Spare(file: file, path: path, inode: inode)
            }
            // Whatever is wrong with it: another one, or a new file, will do.
            file.close()
        }
        return nil
    }

    /// Makes sure that the locked file is still a spare, and empties it where `keep` was cut off.
    private func claim(_ file: any StoredFile, _ path: String) throws(SystemError) -> UInt64? {
        let status = try file.status()
        guard status.isRegularFile, status.links == 1, try store.status(path).inode == status.inode else { return nil }
        if status.size > 0 { try file.truncate(to: 0) }
        if status.permissions != QueueFileMode.writing { try file.setPermissions(QueueFileMode.writing) }
        return status.inode
    }

    /// - Parameter hasLooked: one look into the directory a message: files that others hold would come again and again.
    private func nextName(_ hasLooked: inout Bool) -> String? {
        let now = clock.monotonicNanoseconds()
        let mayLook = !hasLooked
        let (name, looks) = state.withLock { state -> (String?, Bool) in
            if let name = state.names.popLast() { return (name, false) }
            guard mayLook, now >= state.nextLook else { return (nil, false) }
            state.nextLook = now &+ rest
            return (nil, true)
        }
        guard looks else { return name }
        hasLooked = true
        let found = names()
        guard found.count > reserve else { return nil }
        return state.withLock { state in
            state.names = Array(found.dropFirst(reserve))
            // There was something: no need to rest before the next look.
            state.nextLook = 0
            return state.names.popLast()
        }
    }

    private func names() -> [String] {
        var names: [String] = []
        try? store.list(Self.queue) { name in
            if QueueID.isValid(name) { names.append(name) }
            return names.count < limit
        }
        return names
    }

    /// Keeps the file of a finished message. False: the caller removes it. Blocks.
    func keep(_ path: String, id: QueueID) -> Bool {
        guard hasRoom(), let file = try? store.open(path, writing: true) else { return false }
        defer { file.close() }
        guard let status = try? file.status(), status.isRegularFile, status.links == 1,
            status.size <= Self.largestSize, (try? file.tryLock(exclusive: true)) == true
        else { return false }
        let spare = "\(Self.queue)/\(id.text)"
        do {
            try store.rename(path, to: spare)
        } catch {
            return false
        }
        do {
            try file.truncate(to: 0)
            try file.setPermissions(QueueFileMode.writing)
        } catch {
            try? store.remove(spare)
        }
        return true
    }

    private func hasRoom() -> Bool {
        let now = clock.monotonicNanoseconds()
        let (answer, counts) = state.withLock { state -> (Bool, Bool) in
            if state.room > 0 {
                state.room -= 1
                return (true, false)
            }
            guard now >= state.nextCount else { return (false, false) }
            state.nextCount = now &+ rest
            return (false, true)
        }
        guard counts else { return answer }
        // Others take files meanwhile: a count is good for a while only.
        // Nor may they be what a small file system runs out of.
        let room = min(limit, ((try? store.freeFiles(Self.queue)) ?? 0) / 8) - names().count
        return state.withLock { state in
            guard room > 0 else { return false }
            state.room = min(room, max(64, limit / 8)) - 1
            state.nextCount = 0
            return true
        }
    }
}
