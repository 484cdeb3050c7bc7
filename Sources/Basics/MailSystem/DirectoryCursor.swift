import Glibc

/// An open directory whose names are read one by one, so that a directory of a million files costs no memory.
public protocol DirectoryCursor: AnyObject, Sendable {
    /// The next name (not `.` and `..`); nil at the end.
    func next() throws(SystemError) -> String?
    func close()
}

/// Names that were read at once: for stores that live in memory.
public final class NameListCursor: DirectoryCursor, @unchecked Sendable {
    // Unchecked: a cursor is used by one task at a time.
    private var names: ArraySlice<String>

    public init(_ names: [String]) { self.names = names[...] }

    public func next() -> String? { names.popFirst() }

    public func close() { names = [] }
}

/// readdir(3) on a directory of the file system.
public final class POSIXDirectoryCursor: DirectoryCursor, @unchecked Sendable {
    // Unchecked: a cursor is used by one task at a time.
    private var stream: OpaquePointer?
    private let path: String

    public init(_ path: String) throws(SystemError) {
        self.path = path
        stream = opendir(path)
        if stream == nil { throw SystemError("open directory", path: path) }
    }

    deinit { close() }

    public func next() throws(SystemError) -> String? {
        guard let stream else { return nil }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw SystemError("read directory", path: path) }
                return nil
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { return name }
        }
    }

    public func close() {
        if let stream { closedir(stream) }
        stream = nil
    }
}

extension FileStore {
    /// Reads all names first; a store on a real disk has a lazy version of its own.
    public func openDirectory(_ path: String) throws(SystemError) -> any DirectoryCursor {
        var names: [String] = []
        do {
            try list(path) { name in
                names.append(name)
                return true
            }
        } catch let error as SystemError {
            throw error
        } catch {
            throw SystemError("read directory", path: path, errno: EIO)
        }
        return NameListCursor(names)
    }
}
