import MailSystem

/// A table that is asked, and answers, in UTF-8 only (SMTPUTF8_README): other keys have no value, and other values are
/// errors.
package final class UTF8CheckedTable: LookupTable {
    private let base: any LookupTable
    private let log: MailLog

    package init(_ base: any LookupTable, log: MailLog) {
        self.base = base
        self.log = log
    }

    package var name: String { base.name }
    package var logName: String { base.logName }
    package var takesWholeKeyOnly: Bool { base.takesWholeKeyOnly }
    package var hasChanged: Bool { base.hasChanged }
    package var owner: TableOwner { base.owner }

    package func keepLock(_ keeps: Bool) { base.keepLock(keeps) }

    package func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    package func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        guard isValidKey(key) else { return nil }
        return try checked(try await base.find(octets: key), key)
    }

    package func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer {
        guard isValidKey(key) else { return .value(nil) }
        guard case .value(let value) = try base.answerNow(key) else { return .later }
        return .value(try checked(value, key))
    }

    private static let problem = "malformed UTF-8 or invalid codepoint"

    package func isValidKey(_ key: [UInt8]) -> Bool {
        if Utf8Text.isValid(key) { return true }
        log.warning("\(logName): non-UTF-8 key \"\(Utf8Text.masked(key))\": \(Self.problem)")
        return false
    }

    private func checked(_ value: [UInt8]?, _ key: [UInt8]) throws(LookupError) -> [UInt8]? {
        guard let value, !Utf8Text.isValid(value) else { return value }
        let shown = "non-UTF-8 value \"\(Utf8Text.masked(value))\""
        log.warning("\(logName): key \"\(key.text)\": \(shown): \(Self.problem)")
        throw LookupError(table: name, reason: "")
    }
}
