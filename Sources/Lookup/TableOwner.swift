import Glibc

/// Who may change what a table says: local(8) runs the commands of an alias with the rights of its table's owner.
public enum TableOwner: Hashable, Sendable {
    /// The administrator.
    case trusted
    case user(UInt32)
    /// Nobody, or more than one.
    case unknown

    /// - Parameter uid: of a file.
    init(uid: UInt32) { self = uid == 0 ? .trusted : .user(uid) }

    /// Of an open file.
    init(descriptor: CInt) {
        var status = stat()
        self = fstat(descriptor, &status) == 0 ? TableOwner(uid: status.st_uid) : .unknown
    }

    /// Of a table that answers with the help of others.
    static func joined(_ owners: some Sequence<TableOwner>) -> TableOwner {
        var result = TableOwner.trusted
        for owner in owners where owner != .trusted && owner != result {
            if result != .trusted { return .unknown }
            result = owner
        }
        return result
    }
}
