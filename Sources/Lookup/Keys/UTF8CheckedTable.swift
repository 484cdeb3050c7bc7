import MailSystem

/// A table that is asked, and answers, in UTF-8 only (SMTPUTF8_README): other keys have no value, and other values are
/// errors.
struct UTF8CheckedTable: LookupTable {
    private let base: any LookupTable
    private let log: MailLog

    init(_ base: any LookupTable, log: MailLog) {
        self.base = base
        self.log = log
    }

    var name: String { base.name }
    var logName: String { base.logName }
    var takesWholeKeyOnly: Bool { base.takesWholeKeyOnly }
    var hasChanged: Bool { base.hasChanged }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        let problem = "malformed UTF-8 or invalid codepoint"
        guard Utf8Text.isValid(key) else {
            log.warning("\(logName): non-UTF-8 key \"\(Utf8Text.masked(key))\": \(problem)")
            return nil
        }
        guard let value = try await base.find(octets: key) else { return nil }
        guard Utf8Text.isValid(value) else {
            log.warning("\(logName): key \"\(key.text)\": non-UTF-8 value \"\(Utf8Text.masked(value))\": \(problem)")
            throw LookupError(table: name, reason: "")
        }
        return value
    }
}

enum Utf8Text {
    static func isValid(_ bytes: [UInt8]) -> Bool {
        bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
    }

    /// For log lines: each octet that is not ASCII is a question mark.
    static func masked(_ bytes: [UInt8]) -> String {
        bytes.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }.text
    }
}
