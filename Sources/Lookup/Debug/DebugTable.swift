import MailSystem

/// `debug:type:name`: logs what is asked of the table and what it answers (DATABASE_README, debug).
struct DebugTable: LookupTable {
    let name: String
    private let target: any LookupTable
    private let log: MailLog

    var takesWholeKeyOnly: Bool { target.takesWholeKeyOnly }
    var hasChanged: Bool { target.hasChanged }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        guard request.name.utf8.contains(UInt8(ascii: ":")) else {
            throw TableOpenError("bad debug map name syntax: \"\(request.name)\"; need \"debug:type:name\"")
        }
        let target = try request.opener.openUnchecked(TableSpecification(request.name), options: request.options)
        return DebugTable(name: "\(request.specification)", target: target, log: request.log)
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        do {
            let answer = try await target.find(octets: key)
            log.info("\(target.logName) lookup: \"\(key.text)\" = \"\(answer?.text ?? "not_found")\"")
            return answer
        } catch {
            log.info("\(target.logName) lookup: \"\(key.text)\" = \"error\"")
            throw LookupError(table: name, reason: error.reason)
        }
    }
}
