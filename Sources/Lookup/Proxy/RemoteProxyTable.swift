/// Answers for `proxy:` tables from outside a chroot: the value for `key` in `table` (`type:name`), nil when there is none.
public typealias ProxyLookup =
    @Sendable (_ table: String, _ options: TableOptions, _ key: [UInt8]) async throws(LookupError) -> [UInt8]?

/// `proxy:` before a server that a chroot may hide, such as one with a socket in the file system: another process is
/// asked, as Postfix asks proxymap(8).
struct RemoteProxyTable: LookupTable {
    let name: String
    /// The table in this process, which knows all but the answers.
    let target: any LookupTable
    let table: String
    let options: TableOptions
    let ask: ProxyLookup

    /// Types that are asked elsewhere. Files are open before chroot.
    static let types: Set<String> = ["mysql", "pgsql", "ldap", "memcache", "socketmap"]

    var takesWholeKeyOnly: Bool { target.takesWholeKeyOnly }
    var hasChanged: Bool { target.hasChanged }
    var owner: TableOwner { target.owner }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        do { return try await ask(table, options, key) } catch { throw LookupError(table: name, reason: error.reason) }
    }
}

extension TableOpener {
    /// Opens the `proxy:` tables whose servers a chroot can hide from others, while their files can be read.
    public func openProxied() {
        for table in settings.proxyReadMaps ?? [] {
            guard let type = (try? TableSpecification(table))?.type, RemoteProxyTable.types.contains(type) else {
                continue
            }
            _ = open("proxy:\(table)")
        }
    }

    /// Looks `key` up for another process, in a table that `proxy_read_maps` allows.
    /// - Parameter options: as the other process opens it.
    public func findProxied(
        _ table: String, options: TableOptions, _ key: [UInt8]
    ) async throws(LookupError) -> [UInt8]? {
        guard settings.proxyReadMaps?.contains(table) == true else {
            throw LookupError(table: table, reason: "not listed in proxy_read_maps")
        }
        let asked = options.intersection([.foldKeys, .utf8, .noSubstitution, .anyOctets])
        return try await open("proxy:\(table)", options: asked).find(octets: key)
    }
}
