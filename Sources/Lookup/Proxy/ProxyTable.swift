/// `proxy:type:name`: the table itself, opened in this process.
///
/// Postfix asks its proxymap process, so that a chrooted process reaches the table and many share one. Here one process
/// serves all clients of a privilege and opens tables before chroot, so that only servers which a chroot may hide are left
/// to ask for (`RemoteProxyTable`). What remains is proxymap's rule that only tables in `proxy_read_maps` may be opened.
enum ProxyTable {
    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        // Where answers grant privileges, proxymap is not asked and has no say (proxymap(8), SECURITY).
        if request.options.contains(.sensitive) {
            return try request.opener.openUnchecked(TableSpecification(request.name), options: request.options)
        }
        let name = withoutPrefix(request.name)
        let writes = request.options.contains(.writable)
        let allowed = writes ? request.settings.proxyWriteMaps : request.settings.proxyReadMaps
        if let allowed, !allowed.contains(name) {
            throw TableOpenError(
                request.settings.isCommand
                    ? "\(writes ? "proxywrite" : "proxymap") service is not configured for table \"\(name)\""
                    : "\(request.specification) map is not listed in \(writes ? "proxy_write_maps" : "proxy_read_maps")"
            )
        }
        let target = try request.opener.openUnchecked(TableSpecification(name), options: request.options)
        if writes { return target }
        if let ask = request.opener.proxy, try RemoteProxyTable.types.contains(TableSpecification(name).type) {
            return RemoteProxyTable(
                name: "\(request.specification)", target: target, table: name, options: request.options, ask: ask)
        }
        return RenamedTable(name: "\(request.specification)", target: target)
    }

    /// `proxy:proxy:type:name` is the table itself, too.
    private static func withoutPrefix(_ name: String) -> String {
        let prefix = "proxy:"
        var rest = name.utf8[...]
        while rest.starts(with: prefix.utf8) { rest.removeFirst(prefix.utf8.count) }
        return String(decoding: rest, as: UTF8.self)
    }
}

/// A table under another name.
struct RenamedTable: LookupTable {
    let name: String
    let target: any LookupTable

    var takesWholeKeyOnly: Bool { target.takesWholeKeyOnly }
    var hasChanged: Bool { target.hasChanged }
    var owner: TableOwner { target.owner }

    func keepLock(_ keeps: Bool) { target.keepLock(keeps) }

    func find(_ key: String) async throws(LookupError) -> String? {
        do { return try await target.find(key) } catch { throw LookupError(table: name, reason: error.reason) }
    }

    func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer {
        do { return try target.answerNow(key) } catch { throw LookupError(table: name, reason: error.reason) }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        do { return try await target.find(octets: key) } catch {
            throw LookupError(table: name, reason: error.reason)
        }
    }
}
