import Glibc

/// One entry of the user database.
public struct UserAccount: Sendable, Equatable {
    public var name: String
    public var uid: UInt32
    public var gid: UInt32
    public var fullName: String
    public var home: String
    public var shell: String

    public init(name: String, uid: UInt32, gid: UInt32, fullName: String = "", home: String, shell: String = "") {
        self.name = name
        self.uid = uid
        self.gid = gid
        self.fullName = fullName
        self.home = home
        self.shell = shell
    }
}

/// Who has an account. Calls block; a database that cannot be asked throws, absence is nil.
public protocol UserDatabase: Sendable {
    func lookup(name: String) throws(SystemError) -> UserAccount?
    func lookup(uid: UInt32) throws(SystemError) -> UserAccount?
    func group(name: String) throws(SystemError) -> UInt32?
}

/// The accounts of this machine.
public struct SystemUsers: UserDatabase {
    public init() {}

    public func lookup(name: String) throws(SystemError) -> UserAccount? { try Users.lookup(name: name) }
    public func lookup(uid: UInt32) throws(SystemError) -> UserAccount? { try Users.lookup(uid: uid) }
    public func group(name: String) throws(SystemError) -> UInt32? { try Users.group(name: name) }
}

/// The user and group databases (NSS). Calls block; a database that cannot be asked throws, absence is nil.
public enum Users {
    public static func lookup(name: String) throws(SystemError) -> UserAccount? {
        try account(name) { getpwnam_r(name, $0, $1, $2, $3) }
    }

    public static func lookup(uid: UInt32) throws(SystemError) -> UserAccount? {
        try account("uid \(uid)") { getpwuid_r(uid, $0, $1, $2, $3) }
    }

    private typealias AccountQuery = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> CInt

    private static func account(_ what: String, _ query: AccountQuery) throws(SystemError) -> UserAccount? {
        var size = 4096
        while true {
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            var account: UserAccount?
            var buffer = [CChar](repeating: 0, count: size)
            let status = buffer.withUnsafeMutableBufferPointer { space in
                guard let base = space.baseAddress else { return ENOMEM }
                let status = query(&entry, base, space.count, &found)
                if status == 0, found != nil {
                    account = UserAccount(
                        name: text(entry.pw_name), uid: entry.pw_uid, gid: entry.pw_gid,
                        fullName: text(entry.pw_gecos), home: text(entry.pw_dir), shell: text(entry.pw_shell))
                }
                return status
            }
            if status == ERANGE, size < 1 << 20 {
                size *= 4
                continue
            }
            if isFailure(status) { throw SystemError("look up user", path: what, errno: status) }
            return account
        }
    }

    public static func group(name: String) throws(SystemError) -> UInt32? {
        try groupEntry(name) { getgrnam_r(name, $0, $1, $2, $3) }?.gid
    }

    public static func groupName(gid: UInt32) throws(SystemError) -> String? {
        try groupEntry("gid \(gid)") { getgrgid_r(gid, $0, $1, $2, $3) }?.name
    }

    private typealias GroupQuery = (
        UnsafeMutablePointer<Glibc.group>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<Glibc.group>?>
    ) -> CInt

    private static func groupEntry(
        _ what: String, _ query: GroupQuery
    ) throws(SystemError) -> (name: String, gid: UInt32)? {
        var size = 4096
        while true {
            var entry = Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            var result: (String, UInt32)?
            var buffer = [CChar](repeating: 0, count: size)
            let status = buffer.withUnsafeMutableBufferPointer { space in
                guard let base = space.baseAddress else { return ENOMEM }
                let status = query(&entry, base, space.count, &found)
                if status == 0, found != nil { result = (text(entry.gr_name), entry.gr_gid) }
                return status
            }
            // Groups can have very many members.
            if status == ERANGE, size < 1 << 26 {
                size *= 4
                continue
            }
            if isFailure(status) { throw SystemError("look up group", path: what, errno: status) }
            return result
        }
    }

    /// getpwnam_r(3): some systems answer these for "no such entry".
    private static func isFailure(_ status: CInt) -> Bool {
        status != 0 && status != ENOENT && status != ESRCH && status != EPERM && status != EBADF
    }

    /// Supplementary groups of a user, the primary group included.
    public static func groups(of name: String, primary: UInt32) -> [UInt32] {
        var count: CInt = 64
        while count <= 65536 {
            var list = [gid_t](repeating: 0, count: Int(count))
            var wanted = count
            if getgrouplist(name, primary, &list, &wanted) >= 0 { return Array(list[..<Int(max(0, wanted))]) }
            count = max(wanted, count * 2)
        }
        return [primary]
    }

    private static func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }
}
