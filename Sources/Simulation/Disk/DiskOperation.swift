/// What a process asks of a disk.
enum DiskOperation: Int, Sendable {
    case create, open, status, rename, link, remove, makeDirectory, list, setPermissions, setTimes
    case read, write, truncate, changeMode, synchronize, lock

    /// Needs a descriptor.
    var opens: Bool { self == .create || self == .open || self == .list }
    /// Needs room on the disk.
    var grows: Bool { self == .create || self == .write || self == .link || self == .makeDirectory || self == .rename }
}
