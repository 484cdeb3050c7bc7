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
    }

    private let store: any FileStore
    private let clock: any MailClock
    private let limit: Int
    private let reserve: Int
    private let rest: UInt64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: files that are kept at most.
    ///   - reserve: files that stay: short queue ids are made of the inode and the microsecond, and would soon repeat
    ///     if a few inodes served all mail.
    ///   - rest: nanoseconds between looks into a directory that had nothing to offer, or no room.
    public init(
        store: any FileStore, clock: any MailClock, limit: Int = 512, reserve: Int = 256, rest: UInt64 = 500_000_000
    ) {
        self.store = store
        self.clock = clock
        self.limit = limit
        self.reserve = reserve
        self.rest = rest
    }

    /// Takes a file for a new message: it is empty and has mode 0600.
    /// - Parameter target: the new name of the file with that inode, relative to the queue directory.
    /// - Returns: nil when there is none to spare. Blocks.
    func take(as target: (_ inode: UInt64) -> String) -> (file: any StoredFile, inode: UInt64)? {
        var hasLooked = false
        while let name = nextName(&hasLooked) {
            let path = "\(Self.queue)/\(name)"
            guard let file = try? store.open(path, writing: true) else { continue }
            do {
                // Who holds the lock while the name still stands owns the file, until the new name is there.
                if try file.tryLock(exclusive: true), let inode = try claim(file, path) {
                    try store.rename(path, to: target(inode))
                    file.unlock()
                    return (file, inode)
                }
            } catch {
                // Whatever is wrong with it: another one, or a new file, will do.
            }
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
        let room = limit - names().count
        return state.withLock { state in
            guard room > 0 else { return false }
            state.room = min(room, 64) - 1
            state.nextCount = 0
            return true
        }
    }
}
