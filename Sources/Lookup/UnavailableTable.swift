import MailSystem

/// Stands for a table that could not be opened: each lookup fails, with a warning that says why.
struct UnavailableTable: LookupTable {
    let name: String
    let reason: String
    let log: MailLog

    var takesWholeKeyOnly: Bool { false }
    var owner: TableOwner { .unknown }

    func find(_ key: String) async throws(LookupError) -> String? {
        log.warning("\(name) is unavailable. \(reason)")
        throw LookupError(table: name, reason: reason)
    }
}
