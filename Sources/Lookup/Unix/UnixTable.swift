import Glibc

/// `unix:passwd.byname` and `unix:group.byname`: lines of passwd(5) and group(5) (DATABASE_README, unix).
struct UnixTable: ImmediateTable {
    let name: String
    private let source: Source
    private let keys: KeyFolding

    private enum Source { case user, group }

    var takesWholeKeyOnly: Bool { false }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        let source: Source
        switch request.name {
        case "passwd.byname": source = .user
        case "group.byname": source = .group
        default: throw TableOpenError("unknown table: \(request.specification)")
        }
        if let ask = request.opener.systemDatabase {
            return RemoteUnixTable(
                name: "\(request.specification)", database: request.name, keys: KeyFolding(request.options), ask: ask)
        }
        return UnixTable(name: "\(request.specification)", source: source, keys: KeyFolding(request.options))
    }

    private init(name: String, source: Source, keys: KeyFolding) {
        self.name = name
        self.source = source
        self.keys = keys
    }

    /// Nil for a database that there is not.
    init?(database: String) {
        guard database == "passwd.byname" || database == "group.byname" else { return nil }
        self.init(
            name: "unix:\(database)", source: database == "passwd.byname" ? .user : .group,
            keys: KeyFolding(.standard))
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? {
        let name = keys.fold(key).text
        if name.utf8.contains(0) { return nil }
        switch source {
        case .user: return try userLine(name)
        case .group: return try groupLine(name)
        }
    }

    private func userLine(_ user: String) throws(LookupError) -> [UInt8]? {
        var record = passwd()
        return try withRetry { buffer, size -> (CInt, [UInt8]?) in
            var found: UnsafeMutablePointer<passwd>?
            let status = getpwnam_r(user, &record, buffer, size, &found)
            guard let entry = found?.pointee else { return (status, nil) }
            let fields = [
                Self.text(entry.pw_name), Self.text(entry.pw_passwd), "\(entry.pw_uid)", "\(entry.pw_gid)",
                Self.text(entry.pw_gecos), Self.text(entry.pw_dir), Self.text(entry.pw_shell),
            ]
            return (status, Array(fields.joined(separator: ":").utf8))
        }
    }

    private func groupLine(_ name: String) throws(LookupError) -> [UInt8]? {
        var record = group()
        return try withRetry { buffer, size -> (CInt, [UInt8]?) in
            var found: UnsafeMutablePointer<group>?
            let status = getgrnam_r(name, &record, buffer, size, &found)
            guard let entry = found?.pointee else { return (status, nil) }
            var members: [String] = []
            var member = entry.gr_mem
            while let text = member?.pointee {
                members.append(String(cString: text))
                member = member?.advanced(by: 1)
            }
            let fields = [
                Self.text(entry.gr_name), Self.text(entry.gr_passwd), "\(entry.gr_gid)",
                members.joined(separator: ","),
            ]
            return (status, Array(fields.joined(separator: ":").utf8))
        }
    }

    private static func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }

    /// Gives `query` larger buffers until the record fits.
    private func withRetry(
        _ query: (UnsafeMutablePointer<CChar>, Int) -> (CInt, [UInt8]?)
    ) throws(LookupError) -> [UInt8]? {
        var size = 4096
        while true {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            let (status, line) = query(buffer, size)
            switch status {
            case ERANGE where size < 1 << 22: size *= 4
            // The C library reports an unknown name in several ways (getpwnam_r(3)).
            case 0, ENOENT, ESRCH, EBADF, EPERM: return line
            default: throw LookupError(table: name, reason: String(cString: strerror(status)))
            }
        }
    }
}
