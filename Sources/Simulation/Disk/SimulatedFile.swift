import Glibc
import MailSystem

/// An open file of the simulated disk.
final class SimulatedFile: StoredFile, @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    let disk: SimulatedDisk
    let inode: Inode
    private let path: String
    private let process: SimulatedProcess
    private var watchesEnd = false

    init(_ disk: SimulatedDisk, _ inode: Inode, _ path: String, _ process: SimulatedProcess) {
        self.disk = disk
        self.inode = inode
        self.path = path
        self.process = process
    }

    deinit { unlock() }

    private func check(_ operation: DiskOperation, grows: Bool = false) throws(SystemError) {
        try SimulatedStore.check(operation, path, disk, process, grows: grows)
    }

    func status() throws(SystemError) -> FileStatus {
        try check(.status)
        return inode.status
    }

    func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
        try check(.read)
        guard offset >= 0, offset < inode.bytes.count, count > 0 else { return [] }
        return Array(inode.bytes[offset..<min(inode.bytes.count, offset + count)])
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        do {
            try check(.write, grows: offset + bytes.count > inode.bytes.count)
        } catch {
            // What fitted is there.
            if process.isAlive, bytes.count > 1, error.errno == ENOSPC || error.errno == EDQUOT {
                disk.world.count(.shortWrite)
                put(Array(bytes.prefix(disk.world.random.below(bytes.count))), at: offset)
            }
            throw error
        }
        put(bytes, at: offset)
        if bytes.count == 1 { disk.onMark?(inode, offset) }
    }

    private func put(_ bytes: [UInt8], at offset: Int) {
        inode.change(.write(offset: offset, bytes: bytes))
        inode.modified = WorldClock(world: disk.world).now()
    }

    func truncate(to size: Int) throws(SystemError) {
        try check(.truncate)
        disk.truncate(inode, size)
    }

    func setPermissions(_ mode: UInt32) throws(SystemError) {
        try check(.changeMode)
        disk.setMode(inode, mode)
    }

    func setOwner(_ owner: UInt32) throws(SystemError) {
        try check(.changeMode)
        inode.owner = owner
    }

    func synchronize() throws(SystemError) {
        do {
            try check(.synchronize)
        } catch {
            if process.isAlive {
                disk.world.count(.lostPages)
                inode.losePages()
            }
            throw error
        }
        disk.synchronize(inode)
    }

    func tryLock(exclusive: Bool) throws(SystemError) -> Bool {
        try check(.lock)
        let me = ObjectIdentifier(self)
        if !watchesEnd {
            watchesEnd = true
            process.atEnd.append { [weak self] in self?.unlock() }
        }
        if let holder = inode.exclusiveHolder, holder != me { return false }
        if exclusive {
            guard inode.sharedHolders.subtracting([me]).isEmpty else { return false }
            inode.sharedHolders.remove(me)
            inode.exclusiveHolder = me
        } else {
            inode.exclusiveHolder = nil
            inode.sharedHolders.insert(me)
        }
        return true
    }

    func unlock() {
        let me = ObjectIdentifier(self)
        inode.sharedHolders.remove(me)
        if inode.exclusiveHolder == me { inode.exclusiveHolder = nil }
    }

    func close() { unlock() }
}
