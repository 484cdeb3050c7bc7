/// Answers for `unix:` tables from outside a chroot: the line for a key of `passwd.byname` or `group.byname`, nil when there
/// is none.
public typealias SystemDatabase =
    @Sendable (_ database: String, _ key: String) async throws(LookupError) -> String?

/// `unix:` in a process whose chroot hides the system's users: another process is asked, as Postfix asks proxymap(8).
struct RemoteUnixTable: LookupTable {
    let name: String
    let database: String
    let keys: KeyFolding
    let ask: SystemDatabase

    var takesWholeKeyOnly: Bool { false }

    func find(_ key: String) async throws(LookupError) -> String? {
        let name = keys.fold(Array(key.utf8)).text
        return name.utf8.contains(0) ? nil : try await ask(database, name)
    }
}

/// The system's databases themselves. Blocks.
public enum LocalSystemDatabase {
    public static func find(_ database: String, _ key: String) throws(LookupError) -> String? {
        guard let table = UnixTable(database: database) else {
            throw LookupError(table: "unix:\(database)", reason: "unknown table")
        }
        return try table.lookUp(Array(key.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }
}
