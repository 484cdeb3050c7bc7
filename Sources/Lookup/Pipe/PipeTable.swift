/// `pipemap:{ type:name, … }`: each table's answer is the next one's key (DATABASE_README, pipemap).
struct PipeTable: LookupTable {
    let name: String
    private let members: [any LookupTable]

    var takesWholeKeyOnly: Bool { members.contains { $0.takesWholeKeyOnly } }
    var hasChanged: Bool { members.contains { $0.hasChanged } }
    var owner: TableOwner { .joined(members.map(\.owner)) }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        PipeTable(name: "\(request.specification)", members: try MemberTables.open(request))
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        var query = key
        for member in members {
            do {
                guard let answer = try await member.find(octets: query) else { return nil }
                query = answer
            } catch {
                throw LookupError(table: name, reason: error.reason)
            }
        }
        return query
    }

    func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer {
        var query = key
        for member in members {
            do {
                guard case .value(let answer) = try member.answerNow(query) else { return .later }
                guard let answer else { return .value(nil) }
                query = answer
            } catch {
                throw LookupError(table: name, reason: error.reason)
            }
        }
        return .value(query)
    }

    func keepLock(_ keeps: Bool) { for member in members { member.keepLock(keeps) } }
}
