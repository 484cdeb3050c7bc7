import Glibc
import MailSystem

/// An open file of a `MemoryFileStore`.
final class MemoryFile: StoredFile {
    private let store: MemoryFileStore
    private let node: MemoryFileStore.Node
    private let path: String
    private let clock: any MailClock

    init(store: MemoryFileStore, node: MemoryFileStore.Node, path: String, clock: any MailClock) {
        self.store = store
        self.node = node
        self.path = path
        self.clock = clock
    }

    deinit { close() }

    private func operate<R: Sendable>(
        _ operation: String, _ body: (MemoryFileStore.Node) throws(SystemError) -> R
    ) throws(SystemError) -> R {
        try store.locked { (state) throws(SystemError) in
            if let code = state.fault?(operation, path) { throw SystemError(operation, path: path, errno: code) }
            return try body(node)
        }
    }

    func status() throws(SystemError) -> FileStatus { try operate("stat") { $0.status } }

    func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
        try operate("read") { node in
            guard offset >= 0, offset < node.bytes.count, count > 0 else { return [] }
            return Array(node.bytes[offset..<min(node.bytes.count, offset + count)])
        }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        let now = clock.now()
        try operate("write") { (node) throws(SystemError) in
            guard offset >= 0 else { throw SystemError("write", path: path, errno: EINVAL) }
            if node.bytes.count < offset + bytes.count {
                node.bytes += [UInt8](repeating: 0, count: offset + bytes.count - node.bytes.count)
            }
            node.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            node.modified = now
            node.synchronized = false
        }
    }

    func truncate(to size: Int) throws(SystemError) {
        try operate("truncate") { node in
            if size < node.bytes.count {
                node.bytes.removeLast(node.bytes.count - max(0, size))
            } else {
                node.bytes += [UInt8](repeating: 0, count: size - node.bytes.count)
            }
            node.synchronized = false
        }
    }

    func setPermissions(_ mode: UInt32) throws(SystemError) {
        try operate("change mode of") { $0.mode = 0o100000 | mode }
    }

    func synchronize() throws(SystemError) { try operate("synchronize") { $0.synchronized = true } }

    func tryLock(exclusive: Bool) throws(SystemError) -> Bool {
        let me = ObjectIdentifier(self)
        return try operate("lock") { node in
            if let holder = node.exclusiveHolder, holder != me { return false }
            if exclusive {
                guard node.sharedHolders.subtracting([me]).isEmpty else { return false }
                node.sharedHolders.remove(me)
                node.exclusiveHolder = me
            } else {
                node.exclusiveHolder = nil
                node.sharedHolders.insert(me)
            }
            return true
        }
    }

    func unlock() {
        let me = ObjectIdentifier(self)
        store.state.withLock { _ in
            node.sharedHolders.remove(me)
            if node.exclusiveHolder == me { node.exclusiveHolder = nil }
        }
    }

    func close() { unlock() }
}
