import Glibc
import MailSystem
import Synchronization

/// Files in memory, with the spool's operations. Faults: set `failNext` to make the next matching operation throw.
public final class MemoryFileStore: FileStore {
    final class Node: @unchecked Sendable {
        // Unchecked: only touched under the store's lock.
        var bytes: [UInt8] = []
        var mode: UInt32
        let inode: UInt64
        var links = 1
        var modified: MailTime
        var synchronized = false
        var exclusiveHolder: ObjectIdentifier?
        var sharedHolders: Set<ObjectIdentifier> = []

        init(mode: UInt32, inode: UInt64, modified: MailTime) {
            self.mode = mode
            self.inode = inode
            self.modified = modified
        }
    }

    struct State {
        var files: [String: Node] = [:]
        var directories: [String: (mode: UInt32, inode: UInt64)] = ["": (0o755, 1)]
        var nextInode: UInt64 = 1000
        var free = 1 << 40
        var fault: (@Sendable (_ operation: String, _ path: String) -> CInt?)?
    }

    let state = Mutex(State())
    private let clock: any MailClock

    /// - Parameter directories: made at the start, `incoming`, `active` …
    public init(directories: [String] = [], clock: any MailClock = SystemClock()) {
        self.clock = clock
        state.withLock { for name in directories { $0.directories[Self.clean(name)] = (0o700, $0.takeInode()) } }
    }

    /// Called before each operation (`create`, `open`, `write`, `synchronize`, `rename`, `link`, `remove` …); a
    /// returned errno value makes the operation fail.
    public func setFault(_ fault: (@Sendable (_ operation: String, _ path: String) -> CInt?)?) {
        state.withLock { $0.fault = fault }
    }

    public func setFreeBytes(_ count: Int) { state.withLock { $0.free = count } }

    /// All file paths, sorted.
    public var paths: [String] { state.withLock { $0.files.keys.sorted() } }

    /// Contents of a file, or nil.
    public func contents(_ path: String) -> [UInt8]? { state.withLock { $0.files[Self.clean(path)]?.bytes } }

    /// True when everything written to the file has been synchronised.
    public func isSynchronized(_ path: String) -> Bool {
        state.withLock { $0.files[Self.clean(path)]?.synchronized ?? false }
    }

    /// Makes or replaces a file.
    public func put(_ path: String, _ bytes: [UInt8], permissions: UInt32 = 0o700) {
        state.withLock {
            let node = Node(mode: 0o100000 | permissions, inode: $0.takeInode(), modified: clock.now())
            node.bytes = bytes
            node.synchronized = true
            $0.files[Self.clean(path)] = node
        }
    }

    static func clean(_ path: String) -> String {
        path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    static func parent(_ path: String) -> String { path.split(separator: "/").dropLast().joined(separator: "/") }

    private func check(_ state: State, _ operation: String, _ path: String) throws(SystemError) {
        if let code = state.fault?(operation, path) { throw SystemError(operation, path: path, errno: code) }
    }

    /// Mutex.withLock with a typed error.
    func locked<R>(
        _ body: (inout State) throws(SystemError) -> R
    ) throws(SystemError) -> R where R: Sendable {
        let result: Result<R, SystemError> = state.withLock { state in
            do throws(SystemError) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    public func create(_ path: String, permissions: UInt32) throws(SystemError) -> any StoredFile {
        let name = Self.clean(path)
        let now = clock.now()
        let node = try locked { (state) throws(SystemError) in
            try check(state, "create", name)
            guard state.directories[Self.parent(name)] != nil else {
                throw SystemError("create", path: path, errno: ENOENT)
            }
            guard state.files[name] == nil else { throw SystemError("create", path: path, errno: EEXIST) }
            let node = Node(mode: 0o100000 | permissions, inode: state.takeInode(), modified: now)
            state.files[name] = node
            return node
        }
        return MemoryFile(store: self, node: node, path: path, clock: clock)
    }

    public func open(_ path: String, writing: Bool) throws(SystemError) -> any StoredFile {
        let name = Self.clean(path)
        let node = try locked { (state) throws(SystemError) in
            try check(state, "open", name)
            guard let node = state.files[name] else { throw SystemError("open", path: path, errno: ENOENT) }
            return node
        }
        return MemoryFile(store: self, node: node, path: path, clock: clock)
    }

    public func openForAppending(_ path: String, permissions: UInt32) throws(SystemError) -> any StoredFile {
        if contents(path) == nil { return try create(path, permissions: permissions) }
        return try open(path, writing: true)
    }

    public func status(_ path: String) throws(SystemError) -> FileStatus {
        let name = Self.clean(path)
        return try locked { (state) throws(SystemError) in
            try check(state, "stat", name)
            if let node = state.files[name] { return node.status }
            if let directory = state.directories[name] {
                return FileStatus(
                    inode: directory.inode, mode: 0o040000 | directory.mode, size: 0, modified: MailTime(seconds: 0))
            }
            throw SystemError("stat", path: path, errno: ENOENT)
        }
    }

    public func rename(_ old: String, to new: String) throws(SystemError) {
        let (from, to) = (Self.clean(old), Self.clean(new))
        try locked { (state) throws(SystemError) in
            try check(state, "rename", from)
            guard let node = state.files[from], state.directories[Self.parent(to)] != nil else {
                throw SystemError("rename", path: old, errno: ENOENT)
            }
            state.files[from] = nil
            state.files[to] = node
        }
    }

    public func link(_ old: String, to new: String) throws(SystemError) {
        let (from, to) = (Self.clean(old), Self.clean(new))
        try locked { (state) throws(SystemError) in
            try check(state, "link", from)
            guard let node = state.files[from], state.directories[Self.parent(to)] != nil else {
                throw SystemError("link", path: old, errno: ENOENT)
            }
            guard state.files[to] == nil else { throw SystemError("link", path: new, errno: EEXIST) }
            node.links += 1
            state.files[to] = node
        }
    }

    public func remove(_ path: String) throws(SystemError) {
        let name = Self.clean(path)
        try locked { (state) throws(SystemError) in
            try check(state, "remove", name)
            guard let node = state.files.removeValue(forKey: name) else {
                throw SystemError("remove", path: path, errno: ENOENT)
            }
            node.links -= 1
        }
    }

    public func makeDirectory(_ path: String, permissions: UInt32) throws(SystemError) {
        let name = Self.clean(path)
        try locked { (state) throws(SystemError) in
            try check(state, "make directory", name)
            guard state.directories[name] == nil else {
                throw SystemError("make directory", path: path, errno: EEXIST)
            }
            guard state.directories[Self.parent(name)] != nil else {
                throw SystemError("make directory", path: path, errno: ENOENT)
            }
            state.directories[name] = (permissions, state.takeInode())
        }
    }

    public func list(_ path: String, _ body: (String) throws -> Bool) throws {
        let name = Self.clean(path)
        try locked { (state) throws(SystemError) in try check(state, "list", name) }
        let names: [String]? = state.withLock { state in
            guard state.directories[name] != nil else { return nil }
            let all = Array(state.files.keys) + Array(state.directories.keys)
            return all.filter { !$0.isEmpty && Self.parent($0) == name }
                .compactMap { $0.split(separator: "/").last.map(String.init) }.sorted()
        }
        guard let names else { throw SystemError("open directory", path: path, errno: ENOENT) }
        for entry in names { if try !body(entry) { return } }
    }

    public func setPermissions(_ path: String, _ mode: UInt32) throws(SystemError) {
        let name = Self.clean(path)
        try locked { (state) throws(SystemError) in
            guard let node = state.files[name] else {
                throw SystemError("change mode of", path: path, errno: ENOENT)
            }
            node.mode = 0o100000 | mode
        }
    }

    public func setTimes(_ path: String, _ time: MailTime) throws(SystemError) {
        let name = Self.clean(path)
        try locked { (state) throws(SystemError) in
            guard let node = state.files[name] else { throw SystemError("set times of", path: path, errno: ENOENT) }
            node.modified = time
        }
    }

    public func freeFiles(_ path: String) throws(SystemError) -> Int { Int.max }

    public func freeBytes(_ path: String) throws(SystemError) -> Int { state.withLock { $0.free } }
}

extension MemoryFileStore.State {
    mutating func takeInode() -> UInt64 {
        nextInode += 1
        return nextInode
    }
}

extension MemoryFileStore.Node {
    var status: FileStatus {
        FileStatus(inode: inode, mode: mode, size: bytes.count, links: links, modified: modified)
    }
}
