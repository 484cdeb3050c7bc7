/// How a log record becomes the text of a line.
public enum LogLine {
    /// Postfix cuts records at this many bytes.
    static let maximumLength = 2000

    /// `warning: text`, non-printable bytes replaced by `?`, cut to length. Bytes above 127 pass: UTF-8 addresses are
    /// logged as they are.
    public static func message(_ record: LogRecord) -> [UInt8] {
        var bytes: [UInt8] = []
        append(record, to: &bytes)
        return bytes
    }

    /// Appends what `message` gives.
    /// - Parameter limit: in bytes. Nobody cuts what a command tells its user.
    static func append(_ record: LogRecord, to bytes: inout [UInt8], limit: Int = maximumLength) {
        let start = bytes.count
        bytes += record.severity.label.utf8
        bytes += record.text.utf8.prefix(limit - (bytes.count - start))
        for index in start..<bytes.count where bytes[index] < 32 || bytes[index] == 127 {
            bytes[index] = UInt8(ascii: "?")
        }
    }

    /// An empty line with room for what most records need.
    static func empty() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(320)
        return bytes
    }

    /// syslog(3) severity number.
    static func syslogSeverity(_ severity: LogSeverity) -> Int {
        switch severity {
        case .info: 6
        case .warning: 4
        case .error: 3
        case .fatal, .panic: 2
        }
    }

    /// `<22>`
    static func priority(_ facility: Int, _ severity: LogSeverity) -> String {
        "<\(facility | syslogSeverity(severity))>"
    }

    /// syslog(3) facility code (already shifted) of a `syslog_facility` value, or nil.
    public static func facility(_ name: String) -> Int? {
        let names = [
            "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
        ]
        if let index = names.firstIndex(of: name) { return index << 3 }
        if name == "security" { return 4 << 3 }
        guard name.hasPrefix("local"), let number = Int(name.dropFirst(5)), (0...7).contains(number) else { return nil }
        return (16 + number) << 3
    }
}
