import Glibc
import MailSystem

/// A walk over one queue that holds only the directory streams open: names are read as they are asked for. Names with
/// one character are subdirectories, whatever the configured depth, so that a changed depth finds all mail.
/// Use from one task at a time; calls block.
public final class QueueScan: @unchecked Sendable {
    // Unchecked: confined to one task at a time; the hops to the blocking pool are ordered by await.
    private let store: any FileStore
    private let allNames: Bool
    private var stack: [(path: String, cursor: any DirectoryCursor)] = []
    private var pending: String?

    init(store: any FileStore, root: String, allNames: Bool) {
        self.store = store
        self.allNames = allNames
        pending = root
    }

    deinit { close() }

    /// The next file: its name and its path relative to the queue directory; nil at the end.
    /// A queue or subdirectory that is missing is empty.
    public func nextEntry() throws(SystemError) -> (name: String, path: String)? {
        while true {
            if let path = pending {
                pending = nil
                do {
                    stack.append((path, try store.openDirectory(path)))
                } catch {
                    guard error.errno == ENOENT || error.errno == ENOTDIR else { throw error }
                }
            }
            guard let top = stack.last else { return nil }
            guard let name = try top.cursor.next() else {
                top.cursor.close()
                stack.removeLast()
                continue
            }
            let path = "\(top.path)/\(name)"
            if name.utf8.count == 1 {
                pending = path
            } else if allNames || QueueID.isValid(name) {
                return (name, path)
            }
        }
    }

    /// The next queue id; nil at the end.
    public func next() throws(SystemError) -> QueueID? {
        while let entry = try nextEntry() {
            if let id = QueueID(entry.name) { return id }
        }
        return nil
    }

    /// Up to `count` ids; fewer only at the end.
    public func next(_ count: Int) throws(SystemError) -> [QueueID] {
        var ids: [QueueID] = []
        while ids.count < count, let id = try next() { ids.append(id) }
        return ids
    }

    public func close() {
        for level in stack { level.cursor.close() }
        stack = []
        pending = nil
    }
}
