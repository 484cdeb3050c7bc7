import MailSystem

/// A file: as processes see it, and as it would be found after a power loss.
final class Inode {
    /// A change of the content that is in memory only.
    enum DataChange {
        case write(offset: Int, bytes: [UInt8])
        case truncate(Int)
    }

    let number: UInt64
    var bytes: [UInt8] = []
    var mode: UInt32
    var owner: UInt32
    var modified: MailTime
    var links = 0
    var durableBytes: [UInt8] = []
    var durableMode: UInt32
    var durableModified: MailTime
    var durableLinks = 0
    var unsynced: [DataChange] = []
    private var hasLostPages = false
    var exclusiveHolder: ObjectIdentifier?
    var sharedHolders: Set<ObjectIdentifier> = []

    init(number: UInt64, mode: UInt32, owner: UInt32, modified: MailTime) {
        self.number = number
        self.mode = mode
        self.owner = owner
        self.modified = modified
        durableMode = mode
        durableModified = modified
    }

    var status: FileStatus {
        FileStatus(
            device: 1, inode: number, mode: 0o100000 | mode, owner: owner, size: bytes.count, links: links,
            modified: modified)
    }

    func apply(_ change: DataChange, to bytes: inout [UInt8]) {
        switch change {
        case .write(let offset, let new):
            let end = offset + new.count
            if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
            bytes.replaceSubrange(offset..<end, with: new)
        case .truncate(let size):
            if size < bytes.count {
                bytes.removeLast(bytes.count - size)
            } else {
                bytes += [UInt8](repeating: 0, count: size - bytes.count)
            }
        }
    }

    func change(_ change: DataChange) {
        apply(change, to: &bytes)
        unsynced.append(change)
    }

    /// The end of the file was cut off, durably: what was written before is gone with it.
    func commitTruncation(_ size: Int) {
        apply(.truncate(size), to: &durableBytes)
        let last = unsynced.firstIndex { if case .truncate(size) = $0 { true } else { false } }
        if let last { unsynced.removeFirst(last + 1) }
    }

    /// fsync(2) of the content.
    func synchronizeData() {
        guard !unsynced.isEmpty else { return }
        if hasLostPages {
            for change in unsynced { apply(change, to: &durableBytes) }
        } else {
            durableBytes = bytes
        }
        unsynced = []
    }

    /// fsync(2) has failed: the kernel forgets that the pages were not written, and a later one has nothing to do.
    func losePages() {
        guard !unsynced.isEmpty else { return }
        unsynced = []
        hasLostPages = true
    }

    /// What a power loss leaves: of the changes since the last fsync each one in whole, in part, or not at all.
    func losePower(_ random: inout Randomness) {
        var left = durableBytes
        for change in unsynced {
            switch change {
            // Would have come with the journal.
            case .truncate: break
            case .write(let offset, let new):
                switch random.below(4) {
                case 0: break
                case 1 where new.count > 512:
                    // Sectors are written in any order; the file may be as long as if all had been.
                    var torn = new
                    let sector = random.below(new.count / 512 + 1) * 512
                    for index in sector..<min(sector + 512, new.count) { torn[index] = 0 }
                    apply(.write(offset: offset, bytes: torn), to: &left)
                case 2 where new.count > 1:
                    apply(.write(offset: offset, bytes: Array(new.prefix(random.below(new.count)))), to: &left)
                default: apply(change, to: &left)
                }
            }
        }
        unsynced = []
        hasLostPages = false
        bytes = left
        durableBytes = left
        mode = durableMode
        modified = durableModified
        links = durableLinks
        exclusiveHolder = nil
        sharedHolders = []
    }
}
