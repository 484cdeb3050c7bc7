import MailSystem

/// `debug:type:name`: logs what is asked of the table and what it answers (DATABASE_README, debug).
struct DebugTable: UpdatableTable, ListableTable {
    let name: String
    private let target: any LookupTable
    private let log: MailLog

    var takesWholeKeyOnly: Bool { target.takesWholeKeyOnly }
    var hasChanged: Bool { target.hasChanged }
    var owner: TableOwner { target.owner }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        let target = try request.opener.openUnchecked(TableSpecification(request.name), options: request.options)
        return DebugTable(name: "\(request.specification)", target: target, log: request.log)
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        do {
            let answer = try await target.find(octets: key)
            log.info("\(target.logName) lookup: \"\(key.shown)\" = \"\(answer?.shown ?? "not_found")\"")
            return answer
        } catch {
            log.info("\(target.logName) lookup: \"\(key.shown)\" = \"error\"")
            throw LookupError(table: name, reason: error.reason)
        }
    }

    // MARK: Changes

    private func updatable() throws(LookupError) -> any UpdatableTable {
        guard let table = target as? any UpdatableTable else {
            throw LookupError(table: name, reason: "updates are not supported")
        }
        return table
    }

    func update(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(LookupError) -> UpdateResult {
        func report(_ result: String) {
            log.info("\(target.logName) update: \"\(key.shown)\" = \"\(value.shown)\": \(result)")
        }
        do {
            let result = try updatable().update(key, value)
            report(result == .stored ? "success" : "failed")
            return result
        } catch {
            report("error")
            throw error
        }
    }

    func delete(_ key: [UInt8]) throws(LookupError) -> Bool {
        func report(_ result: String) { log.info("\(target.logName) delete: \"\(key.shown)\": \(result)") }
        do {
            let found = try updatable().delete(key)
            report(found ? "success" : "failed")
            return found
        } catch {
            report("error")
            throw error
        }
    }

    func close() throws(LookupError) {
        if let table = target as? any UpdatableTable { try table.close() }
    }

    // MARK: Listing

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) {
        var cursor = cursor()
        while let entry = try cursor.next() { body(entry.key, entry.value) }
    }

    func cursor() -> any TableCursor {
        DebugCursor(base: (target as? any ListableTable)?.cursor(), target: target.logName, name: name, log: log)
    }
}

private struct DebugCursor: TableCursor {
    /// Nil for a table that cannot be listed.
    var base: (any TableCursor)?
    let target: String
    let name: String
    let log: MailLog

    mutating func next() throws(LookupError) -> (key: [UInt8], value: [UInt8])? {
        do {
            guard base != nil else { throw LookupError(table: name, reason: "listing is not supported") }
            let entry = try base?.next()
            if let entry {
                log.info("\(target) sequence: \"\(entry.key.shown)\" = \"\(entry.value.shown)\"")
            } else {
                log.info("\(target) sequence: found EOF")
            }
            return entry
        } catch {
            log.info("\(target) sequence: found EOF")
            throw error as? LookupError ?? LookupError(table: name, reason: "\(error)")
        }
    }
}
