import MailSystem

/// A change of names or attributes that is not on the disk yet.
struct MetadataChange {
    enum Kind {
        case makeDirectory(String)
        case add(String, Inode)
        case remove(String, Inode)
        /// Atomic: both names, or none; what had the new name before loses it.
        case rename(String, String, Inode)
        case mode(Inode, UInt32)
        case time(Inode, MailTime)
        case truncate(Inode, Int)
    }

    var kind: Kind
    var time: UInt64

    var inode: Inode? {
        switch kind {
        case .makeDirectory: nil
        case .add(_, let inode), .remove(_, let inode), .rename(_, _, let inode), .mode(let inode, _),
            .time(let inode, _), .truncate(let inode, _):
            inode
        }
    }

    var names: [String] {
        switch kind {
        case .makeDirectory(let name), .add(let name, _), .remove(let name, _): [name]
        case .rename(let old, let new, _): [old, new]
        case .mode, .time, .truncate: []
        }
    }

    /// Whether this change cannot come before the other one: same file, same name, or a new directory.
    func needs(_ earlier: MetadataChange) -> Bool {
        if let inode, inode === earlier.inode { return true }
        for name in names {
            for other in earlier.names where other == name { return true }
            if case .makeDirectory(let directory) = earlier.kind, name.hasPrefix("\(directory)/") { return true }
        }
        return false
    }
}

/// How a file system orders changes of names and attributes.
enum MetadataOrder {
    /// One journal for all, as ext4 and XFS are built: what survives is the beginning of it, and fsync(2) of anything
    /// brings all that came before.
    case journal
    /// No more than is promised: fsync(2) of a file makes its content, its attributes and every change of its names
    /// durable; of a directory, the names in it. Of the rest any part survives that could come about.
    case promised
}
