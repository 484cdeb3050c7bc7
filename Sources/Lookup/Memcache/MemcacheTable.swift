import MailSystem

/// `memcache:/file.cf`: a memcached server, with or without a table behind it (memcache_table(5)).
final class MemcacheTable: UpdatableTable, ListableTable {
    let name: String
    private let plan: QueryPlan
    private let digest: KeyDigest?
    private let pool: ClientPool<MemcacheClient>
    private let client: @Sendable () -> MemcacheClient
    private let backup: (any LookupTable)?
    private let log: MailLog

    var takesWholeKeyOnly: Bool { plan.takesWholeKeyOnly }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.refuseSensitiveUse()
        return try MemcacheTable(request)
    }

    private init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        log = request.log
        let settings = try ClientSettings(request)
        let format = try settings.string("key_format", "%s")
        plan = try QueryPlan(request, settings, query: format, function: "dict_memcache_lookup", format: "%s")
        let digest = try settings.string("key_digest", "")
        self.digest = digest.isEmpty ? nil : try KeyDigest(digest)
        let options = try MemcacheClient.Options(settings)
        let log = request.log
        client = { MemcacheClient(options, log) }
        pool = ClientPool(limit: 8, idleSeconds: 60, make: client)
        let backup = try settings.string("backup", "")
        self.backup =
            backup.isEmpty
            ? nil : try request.opener.openUnchecked(TableSpecification(backup), options: request.options)
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        guard !key.isEmpty, let parts = try await plan.key(key) else { return nil }
        let cacheKey = self.cacheKey(parts)
        if let cacheKey {
            let cached = try await ask { $0.get(cacheKey) }
            do {
                if let value = try cached.get() { return value }
            } catch {
                // The table behind has the answer, if a slower one.
                guard backup != nil else { throw LookupError(table: name, reason: error.reason) }
            }
        }
        guard let backup, let value = try await backup.find(octets: key) else { return nil }
        if let cacheKey { _ = try? await ask { $0.set(cacheKey, value) } }
        return value
    }

    private func ask<Value: Sendable>(
        _ body: @escaping @Sendable (MemcacheClient) -> Value
    ) async throws(LookupError) -> Value {
        try await pool.run(for: name, body)
    }

    /// Nil for what the protocol cannot carry.
    private func cacheKey(_ parts: AddressParts) -> [UInt8]? {
        guard let key = plan.query.expand(parts, key: parts, quote: { $0 }), !key.isEmpty else { return nil }
        if let digest { return digest(key) }
        return key.allSatisfy { $0 > 0x20 && $0 != 0x7F } ? key : nil
    }

    /// The key of a change. `domain` does not apply: changes come from Postfix's own caches.
    private func changedKey(_ key: [UInt8]) -> [UInt8]? {
        let parts = AddressParts(key)
        guard plan.query.accepts(parts), let cacheKey = cacheKey(parts) else {
            log.warning("\(name): skipping update for key \"\(key.shown)\": control or whitespace in key")
            return nil
        }
        return cacheKey
    }

    func update(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(LookupError) -> UpdateResult {
        var result = UpdateResult.stored
        if let backup = backup as? any UpdatableTable { result = try backup.update(key, value) }
        guard let cacheKey = changedKey(Array(key)) else { return result }
        do { try client().set(cacheKey, Array(value)).get() } catch {
            throw LookupError(table: name, reason: error.reason)
        }
        return result
    }

    func delete(_ key: [UInt8]) throws(LookupError) -> Bool {
        var found = false
        if let backup = backup as? any UpdatableTable { found = try backup.delete(key) }
        guard let cacheKey = changedKey(key) else { return found }
        do { return try client().delete(cacheKey).get() || found } catch {
            throw LookupError(table: name, reason: error.reason)
        }
    }

    /// A cache cannot be listed; the table behind it can.
    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) {
        guard let backup else {
            log.warning("database \(name): first/next support requires backup database")
            return
        }
        guard let listable = backup as? any ListableTable else {
            throw LookupError(table: name, reason: "table \(backup.name): sequence operation is not supported")
        }
        try listable.forEach(body)
    }

    func close() throws(LookupError) {
        if let backup = backup as? any UpdatableTable { try backup.close() }
    }
}
