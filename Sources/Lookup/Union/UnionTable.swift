/// `unionmap:{ type:name, … }`: the answers of all tables, joined by commas (DATABASE_README, unionmap).
struct UnionTable: LookupTable {
    let name: String
    private let members: [any LookupTable]

    var takesWholeKeyOnly: Bool { members.contains { $0.takesWholeKeyOnly } }
    var hasChanged: Bool { members.contains { $0.hasChanged } }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        UnionTable(name: "\(request.specification)", members: try MemberTables.open(request))
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        var result: [UInt8]?
        for member in members {
            let answer: [UInt8]?
            do {
                answer = try await member.find(octets: key)
            } catch {
                throw LookupError(table: name, reason: error.reason)
            }
            guard let answer else { continue }
            result = result.map { $0 + [UInt8(ascii: ",")] + answer } ?? answer
        }
        return result
    }
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
