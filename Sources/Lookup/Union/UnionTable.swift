/// `unionmap:{ type:name, … }`: the answers of all tables, joined by commas (DATABASE_README, unionmap).
struct UnionTable: LookupTable {
    let name: String
    private let members: [any LookupTable]

    var takesWholeKeyOnly: Bool { members.contains { $0.takesWholeKeyOnly } }
    var hasChanged: Bool { members.contains { $0.hasChanged } }
    var owner: TableOwner { .joined(members.map(\.owner)) }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        UnionTable(name: "\(request.specification)", members: try MemberTables.open(request))
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        var result: [UInt8]?
        for member in members {
            do { Self.join(&result, try await member.find(octets: key)) } catch {
                throw LookupError(table: name, reason: error.reason)
            }
        }
        return result
    }

    func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer {
        var result: [UInt8]?
        for member in members {
            do {
                guard case .value(let answer) = try member.answerNow(key) else { return .later }
                Self.join(&result, answer)
            } catch {
                throw LookupError(table: name, reason: error.reason)
            }
        }
        return .value(result)
    }

    private static func join(_ result: inout [UInt8]?, _ answer: [UInt8]?) {
        guard let answer else { return }
        if result == nil {
            result = answer
        } else {
            result?.append(UInt8(ascii: ","))
            result?.append(contentsOf: answer)
        }
    }

    func keepLock(_ keeps: Bool) { for member in members { member.keepLock(keeps) } }
}

/// The tables inside `unionmap:{ }` and `pipemap:{ }`.
enum MemberTables {
    static func open(_ request: TableRequest) throws(TableOpenError) -> [any LookupTable] {
        try request.requireReading()
        let hint = "bad syntax: \"\(request.specification)\"; need \"\(request.type):{type:name...}\""
        guard let body = try? ListSyntax.unbrace(Array(request.name.utf8)[...]) else { throw TableOpenError(hint) }
        let names = ListSyntax.split(body)
        if names.isEmpty { throw TableOpenError(hint) }
        var members: [any LookupTable] = []
        for name in names {
            guard name.contains(UInt8(ascii: ":")) else { throw TableOpenError(hint) }
            members.append(try request.opener.openUnchecked(TableSpecification(name.text), options: request.options))
        }
        return members
    }
}
