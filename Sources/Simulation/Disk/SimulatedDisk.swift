import Glibc
import MailSystem

/// A file system in memory, with what is durable of it.
final class SimulatedDisk: @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    let world: World
    let name: String
    let order: MetadataOrder
    private(set) var directories: [String: [String: Inode]] = ["": [:]]
    private var durableDirectories: Set<String> = [""]
    private var durableNames: [String: Inode] = [:]
    private var journal: [MetadataChange] = []
    private var lastInode: UInt64 = 1000
    /// Asked before each operation: the error to give, if any.
    var fault: ((_ operation: DiskOperation, _ path: String, _ grows: Bool) -> CInt?)?
    /// For tests of the simulator: fsync(2) of files answers without doing anything.
    var forgetsToSynchronize = false
    var free = 1 << 34
    /// Called when a byte that says "this recipient is done" is written.
    var onMark: ((Inode, Int) -> Void)?

    init(_ world: World, name: String, order: MetadataOrder) {
        self.world = world
        self.name = name
        self.order = order
    }

    // MARK: looking

    static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
        return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
    }

    func find(_ path: String) -> Inode? {
        let (directory, name) = Self.split(path)
        return directories[directory]?[name]
    }

    func isDirectory(_ path: String) -> Bool { directories[path] != nil }

    /// All files, by path.
    var files: [(path: String, inode: Inode)] {
        directories.flatMap { directory, names in
            names.map { (directory.isEmpty ? $0.key : "\(directory)/\($0.key)", $0.value) }
        }.sorted { $0.0 < $1.0 }
    }

    func names(in path: String) -> [String]? {
        guard let files = directories[path] else { return nil }
        let inside = directories.keys.filter { !$0.isEmpty && Self.split($0).directory == path }
        return (Array(files.keys) + inside.map { Self.split($0).name }).sorted()
    }

    // MARK: changing

    func makeInode(mode: UInt32, owner: UInt32, at time: MailTime) -> Inode {
        lastInode += 1
        return Inode(number: lastInode, mode: mode, owner: owner, modified: time)
    }

    func makeDirectory(_ path: String) {
        directories[path] = [:]
        record(.makeDirectory(path))
    }

    /// A directory that was there before the machine started.
    func prepareDirectory(_ path: String) {
        directories[path] = [:]
        durableDirectories.insert(path)
    }

    func add(_ path: String, _ inode: Inode) {
        let (directory, name) = Self.split(path)
        directories[directory]?[name] = inode
        inode.links += 1
        record(.add(path, inode))
    }

    func remove(_ path: String) {
        let (directory, name) = Self.split(path)
        guard let inode = directories[directory]?.removeValue(forKey: name) else { return }
        inode.links -= 1
        record(.remove(path, inode))
    }

    func rename(_ old: String, _ new: String) {
        let (from, to) = (Self.split(old), Self.split(new))
        guard let inode = directories[from.directory]?.removeValue(forKey: from.name) else { return }
        directories[to.directory]?[to.name]?.links -= 1
        directories[to.directory]?[to.name] = inode
        record(.rename(old, new, inode))
    }

    func setMode(_ inode: Inode, _ mode: UInt32) {
        inode.mode = mode
        record(.mode(inode, mode))
    }

    func setTime(_ inode: Inode, _ time: MailTime) {
        inode.modified = time
        record(.time(inode, time))
    }

    func truncate(_ inode: Inode, _ size: Int) {
        inode.change(.truncate(size))
        record(.truncate(inode, size))
    }

    private func record(_ kind: MetadataChange.Kind) {
        journal.append(MetadataChange(kind: kind, time: world.now))
        // Every five seconds, as the journal's own threads do.
        guard journal.count > 8, let first = journal.first, world.now - first.time > 5_000_000_000 else { return }
        while let change = journal.first, world.now - change.time > 5_000_000_000 {
            commit(change)
            journal.removeFirst()
        }
    }

    // MARK: durability

    func synchronize(_ inode: Inode) {
        if forgetsToSynchronize { return }
        commit { $0.inode === inode }
        inode.synchronizeData()
    }

    func synchronizeDirectory(_ path: String) {
        commit { change in change.names.contains { Self.split($0).directory == path } }
    }

    private func commit(_ isWanted: (MetadataChange) -> Bool) {
        guard let last = journal.lastIndex(where: isWanted) else { return }
        if order == .journal {
            for change in journal { commit(change) }
            journal = []
            return
        }
        // From the last to the first: what is wanted, and what those need.
        var chosen: [MetadataChange] = []
        var rest: [MetadataChange] = Array(journal[(last + 1)...].reversed())
        for change in journal[...last].reversed() {
            if isWanted(change) || chosen.contains(where: { $0.needs(change) }) {
                chosen.append(change)
            } else {
                rest.append(change)
            }
        }
        for change in chosen.reversed() { commit(change) }
        journal = rest.reversed()
    }

    private func commit(_ change: MetadataChange) {
        switch change.kind {
        case .makeDirectory(let path): durableDirectories.insert(path)
        case .add(let path, let inode):
            durableNames[path] = inode
            inode.durableLinks += 1
        case .remove(let path, let inode):
            durableNames[path] = nil
            inode.durableLinks -= 1
        case .rename(let old, let new, let inode):
            durableNames[old] = nil
            if let replaced = durableNames[new] { replaced.durableLinks -= 1 }
            durableNames[new] = inode
        case .mode(let inode, let mode): inode.durableMode = mode
        case .time(let inode, let time): inode.durableModified = time
        case .truncate(let inode, let size): inode.commitTruncation(size)
        }
    }

    /// The power goes: what is left is what the file system has to keep, and some of the rest.
    func losePower(_ random: inout Randomness) {
        switch order {
        case .journal:
            for change in journal.prefix(random.below(journal.count + 1)) { commit(change) }
        case .promised:
            var lost: [MetadataChange] = []
            for change in journal {
                if random.oneIn(2) || lost.contains(where: { change.needs($0) }) {
                    lost.append(change)
                } else {
                    commit(change)
                }
            }
        }
        journal = []
        directories = [:]
        for path in durableDirectories { directories[path] = [:] }
        var seen: Set<ObjectIdentifier> = []
        for (path, inode) in durableNames.sorted(by: { $0.key < $1.key }) {
            if seen.insert(ObjectIdentifier(inode)).inserted { inode.losePower(&random) }
            let (directory, name) = Self.split(path)
            directories[directory]?[name] = inode
        }
    }
}
