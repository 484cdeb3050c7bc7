import Glibc
import MailSystem

/// Mailboxes on a disk of their own: not one journal with the queue's.
struct SimulatedMailboxes: MailboxFiles {
    let store: SimulatedStore
    let words: WordCounter

    private var world: World { store.disk.world }

    /// Paths are absolute: `/mail/…`.
    private func relative(_ path: String) -> String {
        path.utf8.first == UInt8(ascii: "/") ? String(path.dropFirst()) : path
    }

    func create(_ path: String, permissions: UInt32) throws(SystemError) -> any MailboxFile {
        SimulatedMailbox(try store.create(relative(path), permissions: permissions))
    }

    func open(_ path: String) throws(SystemError) -> any MailboxFile {
        SimulatedMailbox(try store.open(relative(path), writing: true))
    }

    func openForReading(_ path: String) throws(SystemError) -> any MailboxFile {
        SimulatedMailbox(try store.open(relative(path), writing: false))
    }

    func linkStatus(_ path: String) -> FileStatus? { store.disk.find(relative(path))?.status }

    func link(_ old: String, to new: String) throws(SystemError) {
        try store.link(relative(old), to: relative(new))
    }

    func rename(_ old: String, to new: String) throws(SystemError) {
        try store.rename(relative(old), to: relative(new))
    }

    func remove(_ path: String) throws(SystemError) { try store.remove(relative(path)) }

    func makeDirectory(_ path: String, permissions: UInt32) throws(SystemError) {
        try store.makeDirectory(relative(path), permissions: permissions)
    }

    func makeDirectories(_ path: String, permissions: UInt32) throws(SystemError) {
        var made = ""
        for part in path.split(separator: "/") {
            made += made.isEmpty ? String(part) : "/\(part)"
            if !store.disk.isDirectory(made) { try store.makeDirectory(made, permissions: permissions) }
        }
    }

    func synchronizeDirectory(_ path: String) throws(SystemError) {
        try store.check(.synchronize, relative(path))
        store.disk.synchronizeDirectory(relative(path))
    }

    func now() -> MailTime { WorldClock(world: world).now() }

    func pause(seconds: Int) { world.pauseInCall += UInt64(max(0, seconds)) * 1_000_000_000 }

    func uniqueWord() -> String { "P1Q\(words.next())" }

    var isRoot: Bool { true }
}

/// Counts the deliveries of a machine.
final class WordCounter: @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    private var count = 0

    func next() -> Int {
        count += 1
        return count
    }
}

final class SimulatedMailbox: MailboxFile {
    private let file: any StoredFile

    init(_ file: any StoredFile) { self.file = file }

    func status() throws(SystemError) -> FileStatus { try file.status() }

    func tail(_ count: Int) -> [UInt8] {
        guard let size = try? file.status().size else { return [] }
        return (try? file.read(at: max(0, size - count), count: count)) ?? []
    }

    func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] { try file.read(at: offset, count: count) }

    func append(_ bytes: [UInt8]) throws(SystemError) { try file.write(bytes, at: try file.status().size) }

    func truncate(to size: Int) throws(SystemError) { try file.truncate(to: size) }

    func synchronize() throws(SystemError) { try file.synchronize() }

    func changeOwner(to user: UInt32) throws(SystemError) { try (file as? SimulatedFile)?.setOwner(user) }

    func tryLock(_ style: MailboxLockStyle) -> Bool { (try? file.tryLock(exclusive: true)) ?? false }

    func close() { file.close() }
}
